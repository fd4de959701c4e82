-- The totals of some buckets ($2), and the largest values of every other dimension in one bucket ($3). The cost depends on
-- how many buckets and values are shown, never on how many visits there were. In the same round trip: as dimension -1, the
-- revision of the site's all-time registers.
select
    bucket as "bucket!", dimension as "dimension!", value as "value!", visitors as "visitors!", pageviews as "pageviews!"
from tally
where site = $1 and bucket = any($2) and dimension = 0 and value = ''
union all
select listed.bucket, listed.dimension, listed.value, listed.visitors, listed.pageviews
from generate_series(1, 9) as shown (dimension)
cross join lateral (
    select bucket, dimension, value, visitors, pageviews
    from tally
    where site = $1 and bucket = $3 and tally.dimension = shown.dimension::smallint
    order by visitors desc, pageviews desc, value
    limit $4
) as listed
union all
select 0, -1::smallint, '', registers_revision, 0 from site where id = $1
