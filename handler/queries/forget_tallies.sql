-- Deletes some counters ($4 at most) of a site ($1) on some days ($2 to $3), and their pageviews from the sum of all time. Returns how
-- many. Lock rows in the order of `commit_batch.sql`, so that maintenance and batches do not deadlock.
with picked as materialized (
    select day, dimension, value, slot
    from tally
    where site = $1 and day between $2::integer and $3::integer
    order by day, dimension, value collate "C", slot
    limit $4
    for update
),
forgotten as (
    delete from tally
    using picked
    where tally.site = $1 and tally.day = picked.day and tally.dimension = picked.dimension
        and tally.value = picked.value and tally.slot = picked.slot
    returning tally.dimension, tally.pageviews
),
lowered_total as (
    update total set pageviews = total.pageviews - viewed.pageviews
    from (select sum(pageviews)::bigint as pageviews from forgotten where dimension = 0) as viewed
    where total.site = $1 and total.slot = (select min(slot) from total where site = $1) and viewed.pageviews <> 0
)
select count(*) as "counters!" from forgotten
