-- What this database counts by, once it has counted. Until then it follows whoever asks.
insert into setting (time_zone, forget) values ($1, $2)
on conflict (only_row) do update set
    time_zone = case when exists (select from tally) then setting.time_zone else excluded.time_zone end,
    forget = case when exists (select from tally) then setting.forget else excluded.forget end
returning time_zone, forget, extract(epoch from database_clock())::double precision as "clock_seconds!"
