-- Finds those of some sites ($1, by name) that have pageviews on some days ($2), most pageviews first.
-- The cost is that of one row for each day of each site, and slot.
select shown.name as "name!"
from unnest($1::text[]) with ordinality as shown (name, place)
join site on site.name = shown.name
cross join lateral (
    select sum(pageviews)::bigint as pageviews
    from unnest($2::integer[]) as wanted (day)
    join tally on tally.site = site.id and tally.day = wanted.day and dimension = 0 and tally.value = ''
) as viewed
where viewed.pageviews > 0
order by viewed.pageviews desc, shown.place
