-- Makes room for what is imported anew: these days of a source, all of their dimensions.
delete from imported_tally where site = $1 and source = $2 and day = any($3::integer[])
