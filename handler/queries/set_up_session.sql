-- Sets up a session, in one text without parameters: settings, time zone and forget mode are inserted as text. Returns a row for each
-- applied migration, or one row if there are none.
{settings};

-- The configured counting mode replaces the stored mode until the first visit was counted.
insert into setting (time_zone, forget)
select {time_zone}, {forget} where not exists (select from setting) or not exists (select from tally)
on conflict (only_row) do update set time_zone = excluded.time_zone, forget = excluded.forget;

-- The origin identifies the copy of the data. The start time of a server does not change when it recovers from a crash, but the time
-- of its statistics does. A copy that was restored into the same database has other tables.
select
    time_zone,
    forget,
    (extract(epoch from database_clock()) * 1000000)::bigint as clock_microseconds,
    current_setting('server_encoding') as encoding,
    concat_ws(
        ' ',
        extract(epoch from pg_postmaster_start_time()),
        (select extract(epoch from stats_reset) from pg_stat_bgwriter),
        (select oid from pg_database where datname = current_database()),
        'seen'::regclass::oid
    ) as origin,
    version,
    encode(checksum, 'base64') as checksum
from setting
left join _sqlx_migrations on success
