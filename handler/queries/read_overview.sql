-- Reads the visitors of some days ($2) of some sites ($1, by name). Skips days without visitors.
-- The cost is that of one row for each day of each site, and slot.
select shown.name as "name!", wanted.day as "day!", counted.visitors as "visitors!"
from unnest($1::text[]) as shown (name)
join site on site.name = shown.name
cross join unnest($2::integer[]) as wanted (day)
-- Read day by day, so that the index skips the other days and dimensions.
cross join lateral (
    select sum(of_gap)::bigint as visitors
    from tally
    cross join unnest(tally.visitors) as of_gap
    where tally.site = site.id and tally.day = wanted.day and dimension = 0 and tally.value = ''
) as counted
where counted.visitors > 0
