-- Reads a site's views by minute.
select minute, sum(pageviews)::bigint as "pageviews!" from minute where site = $1 and minute between $2 and $3 group by minute
