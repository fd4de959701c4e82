-- Deletes old batch ids. A sender resends a batch within seconds, so older ids are not needed.
-- Skip ids locked by their sender, so that maintenance and the sender never wait for each other.
delete from batch
where id in (select id from batch where committed < now() - interval '10 minutes' limit $1 for update skip locked)
