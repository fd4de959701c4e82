-- Reads the salt of a site's period, if the period is open.
select salt as "salt!" from salt where site = $1 and period = $2 and salt is not null
