-- Deletes some annotations of a site before a day.
delete from annotation
where ctid = any(array(select ctid from annotation where site = $1 and day < $2 limit $3))
