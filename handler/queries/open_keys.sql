-- Returns the keys of days of sites in the order of the arrays, and creates what is missing: see the function. What another instance
-- deletes meanwhile is null.
select
    site, site_salt, network_key, salt, previous, next
from open_keys($1, $2, $3, $4, $5, $6, $7, $8, $9)
order by place
