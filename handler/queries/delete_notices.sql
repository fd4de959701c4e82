-- Deletes some rows of notices before a day.
delete from notice where ctid = any(array(select ctid from notice where day < $1 limit $2))
