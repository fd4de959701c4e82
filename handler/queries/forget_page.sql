-- Counts a page ($5) of a site ($1) on some days ($2 to $3) as the value $7, $8 counters at most. Returns how many. $4 has the
-- dimensions whose values are pages, $6 the dimension of pairs of a host and a page.
--
-- Visitors move only in the dimension $9, of which a visitor has one value a day. In others, a visitor of two pages would count twice.
--
-- Lock rows in the order of `commit_batch.sql`, so that maintenance and batches do not deadlock.
with picked as materialized (
    select day, dimension, value, slot
    from tally
    where site = $1 and day between $2::integer and $3::integer
        and (
            dimension = any($4::smallint[]) and value = $5::text
            or dimension = $6::smallint and substr(value, strpos(value, ' ') + 1) = $5
        )
    order by day, dimension, value collate "C", slot
    limit $8
),
locked as materialized (
    select tally.day
    from (
        select day, dimension, value, slot from picked
        union
        select day, dimension, $7::text, slot from picked
    ) as touched
    join tally on tally.site = $1 and tally.day = touched.day and tally.dimension = touched.dimension
        and tally.value = touched.value and tally.slot = touched.slot
    order by tally.day, tally.dimension, tally.value collate "C", tally.slot
    for update of tally
),
taken as (
    delete from tally
    using picked
    where (select count(*) from locked) > 0
        and tally.site = $1 and tally.day = picked.day and tally.dimension = picked.dimension
        and tally.value = picked.value and tally.slot = picked.slot
    returning tally.day, tally.dimension, tally.slot, tally.pageviews, tally.visitors
),
moved as (
    insert into tally (site, day, dimension, value, pageviews, visitors, slot)
    select
        $1, day, dimension, $7, sum(pageviews)::bigint,
        case when dimension = $9::smallint then sum_gaps(visitors) else '{}' end, slot
    from taken
    group by day, dimension, slot
    order by day, dimension, slot
    on conflict (site, day, dimension, value, slot) do update set
        pageviews = tally.pageviews + excluded.pageviews,
        visitors = add_gaps(tally.visitors, excluded.visitors)
)
select count(*) as "counters!" from taken
