-- The values of a site's day that are told apart.
select dimension, value from tally where site = $1 and day = $2 and dimension not in (0, 9, 10)
