-- Replaces the daily sums of a source.
insert into imported_tally (site, source, day, pageviews, visitors)
select $1, $2, day, pageviews, visitors
from unnest($3::integer[], $4::bigint[], $5::bigint[]) as imported (day, pageviews, visitors)
on conflict (site, day, source) do update set pageviews = excluded.pageviews, visitors = excluded.visitors
