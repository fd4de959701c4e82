-- Deletes some of the views by minute that nobody shows any more.
delete from minute
where ctid = any(array(
    select ctid from minute where minute < floor(extract(epoch from database_clock()) / 60)::integer - 60 limit $1
))
