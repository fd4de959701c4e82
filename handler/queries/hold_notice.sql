-- Begins an attempt to send a notice ($1 to $3), and holds it for $4 seconds. Returns the number of the attempt, or no row if the notice
-- was sent, is held by another instance, or has had $5 attempts.
insert into notice (kind, site, day, attempts, held_until, delivered)
values ($1, $2, $3, 1, database_clock() + make_interval(secs => $4), false)
on conflict (kind, site, day) do update set attempts = notice.attempts + 1, held_until = excluded.held_until
where not notice.delivered and notice.attempts < $5::smallint and notice.held_until <= database_clock()
returning attempts
