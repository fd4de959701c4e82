-- Returns the counting mode of this database. The configured mode replaces the stored mode until the first visit was counted.
insert into setting (time_zone, forget) values ($1, $2)
on conflict (only_row) do update set
    time_zone = case when exists (select from tally) then setting.time_zone else excluded.time_zone end,
    forget = case when exists (select from tally) then setting.forget else excluded.forget end
returning time_zone, forget, extract(epoch from database_clock())::double precision as "clock_seconds!"
