-- Adds up the pageviews of a site ($1) over the days of an ended month ($2 to $3), for each value of every dimension but $4. The sums
-- and the number of checkpoints are of the same moment, so an import that commits meanwhile makes them invalid.
with rolled as (
    insert into rollup (site, last_day, dimension, value, pageviews)
    select $1, $3::integer, dimension, value, sum(pageviews)::bigint
    from tally
    where site = $1 and day between $2::integer and $3 and dimension <> all($4::smallint[])
    group by dimension, value
    order by dimension, value
    on conflict (site, last_day, dimension, value) do update set pageviews = excluded.pageviews
    where rollup.pageviews <> excluded.pageviews
)
insert into rolled_month (site, last_day, checkpoints)
select $1, $3, count(*) from checkpoint where site = $1
on conflict (site, last_day) do update set checkpoints = excluded.checkpoints
