-- Deletes some imported rows of a site before a day.
delete from imported_tally
where ctid = any(array(select ctid from imported_tally where site = $1 and day < $2 limit $3))
