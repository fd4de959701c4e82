-- Reads the pageviews of an hour ($3) on some days ($2) of sites ($1).
select site.id, site.name as "name!", tally.day, sum(tally.pageviews)::bigint as "pageviews!"
from site
join tally on tally.site = site.id and tally.day = any($2::integer[]) and tally.dimension = 10 and tally.value = $3
where site.name = any($1::text[])
group by site.id, site.name, tally.day
order by site.name, tally.day
