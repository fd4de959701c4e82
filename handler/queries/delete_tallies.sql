-- Deletes some of the counters of a site before a day.
delete from tally
where ctid = any(array(select ctid from tally where site = $1 and day < $2 limit $3))
