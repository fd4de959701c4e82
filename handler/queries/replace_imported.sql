-- Deletes all dimensions of these days of a source before the days are imported again.
delete from imported_tally where site = $1 and source = $2 and day = any($3::integer[])
