-- Reads a site's views by minute. Returns one row without a minute if the site has none, and no row if it was never counted.
select minute as "minute?", coalesce(pageviews, 0) as "pageviews!"
from site
left join lateral (
    select minute, sum(pageviews)::bigint as pageviews
    from minute
    where minute.site = site.id and minute between $2 and $3
    group by minute
) as of_slots on true
where name = $1
