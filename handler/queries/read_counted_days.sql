-- The first and the last day of a site ($1) with counted views, and the first day with totals of other counters.
select
    (select min(day) from tally where tally.site = site.id and dimension = 0) as first,
    (select max(day) from tally where tally.site = site.id and dimension = 0) as last,
    (select min(day) from imported_tally where imported_tally.site = site.id) as first_imported
from site
where name = $1
