-- Deletes some views by minute that are older than the live view.
delete from minute
where ctid = any(array(
    select ctid from minute where minute < floor(extract(epoch from database_clock()) / 60)::integer - 60 limit $1
))
