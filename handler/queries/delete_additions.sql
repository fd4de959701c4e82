-- Deletes some counts of values that networks added on days that are over in every time zone.
delete from addition
where ctid = any(array(
    select ctid from addition where day < (database_clock() at time zone 'UTC')::date - date '1970-01-01' - 1 limit $1
))
