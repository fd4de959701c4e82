-- Deletes the keys of networks of days that are over in every time zone.
delete from network_key
where day in (
    select day from network_key where day < (database_clock() at time zone 'UTC')::date - date '1970-01-01' - 1 limit $1
)
