-- Sets up a session, in one text without parameters: settings, time zone, forget mode and own site are inserted as text. Returns a row for each
-- applied migration, or one row if there are none.
{settings};

do $set_up$ begin perform adopt_mode({time_zone}, {forget}, {own_site}, {replaces}); end $set_up$;

-- The origin identifies the copy of the data. The start time of a server does not change when it recovers from a crash, but the time
-- of its statistics does. A copy that was restored into the same database has other tables.
select
    time_zone,
    forget,
    (extract(epoch from database_clock()) * 1000000)::bigint as clock_microseconds,
    current_setting('server_encoding') as encoding,
    has_fixed_zone({own_site}),
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
