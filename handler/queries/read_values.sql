-- Reads the values that are counted separately on a site's day.
select dimension, value from tally where site = $1 and day = $2 and dimension not in (0, 9, 10)
