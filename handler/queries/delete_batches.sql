-- Ids whose sender did not come back for them: a batch is sent again within seconds, if at all.
delete from batch
where id in (select id from batch where committed < now() - interval '10 minutes' limit $1)
