-- Reads the counters of a site's ($1) first day after $2. A row of another slot counts in the sum.
select
    day as "day!", dimension as "dimension!", value as "value!", sum(pageviews)::bigint as "pageviews!",
    sum_gaps(visitors) as "visitors!"
from tally
where site = $1 and day = (select min(day) from tally where site = $1 and day > $2)
group by day, dimension, value
order by dimension, value collate "C"
