-- Deletes some rows imported from a source.
delete from imported_tally
where ctid = any(array(select ctid from imported_tally where site = $1 and source = $2 limit $3))
