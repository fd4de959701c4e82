-- Reads the totals of some days of a site.
select tally.day, sum(pageviews)::bigint as "pageviews!", sum_gaps(visitors)::bigint[] as "visitors!"
from unnest($2::integer[]) as shown (day)
join tally on tally.site = $1 and tally.day = shown.day and dimension = 0 and tally.value = ''
group by tally.day
order by tally.day
