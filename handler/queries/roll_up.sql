-- Adds up the pageviews of a site ($1) over the days of an ended month ($2 to $3), for each value of every dimension but $4. Sums that
-- an earlier run stored for values without a row are deleted. The sums and the number of checkpoints are of the same moment, so an
-- import that commits meanwhile makes them invalid.
with summed as materialized (
    select dimension, value, sum(pageviews)::bigint as pageviews
    from tally
    where site = $1 and day between $2::integer and $3 and dimension <> all($4::smallint[])
    group by dimension, value
), gone as (
    delete from rollup
    where site = $1 and last_day = $3
        and not exists (
            select from summed where summed.dimension = rollup.dimension and summed.value = rollup.value
        )
), rolled as (
    insert into rollup (site, last_day, dimension, value, pageviews)
    select $1, $3::integer, dimension, value, pageviews
    from summed
    order by dimension, value
    on conflict (site, last_day, dimension, value) do update set pageviews = excluded.pageviews
    where rollup.pageviews <> excluded.pageviews
)
insert into rolled_month (site, last_day, checkpoints)
select $1, $3, count(*) from checkpoint where site = $1
on conflict (site, last_day) do update set checkpoints = excluded.checkpoints
