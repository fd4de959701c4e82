-- Returns the keys of days of sites in the order of the arrays, and creates what is missing: see the function. Keys
-- and sites that another instance deletes meanwhile are null.
select
    site, site_salt, network_key, salt, previous, next
from open_keys($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
order by place
