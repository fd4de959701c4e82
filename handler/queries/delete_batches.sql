-- Ids whose sender did not come back for them: a batch is sent again within seconds, if at all. What its sender forgets at this
-- moment is left to it: so neither waits for the other, least of all both.
delete from batch
where id in (select id from batch where committed < now() - interval '10 minutes' limit $1 for update skip locked)
