-- Adds some counters of days that are over to those of slot 0, one slot at a time. So readers read one row a value again.
-- Skip rows that a batch has locked, and write rows in the order of `commit_batch.sql`, so that instances do not deadlock.
with picked as (
    select site, day, dimension, value, slot
    from tally
    where slot > 0 and day < (database_clock() at time zone 'UTC')::date - date '1970-01-01' - 1
        and slot = (
            select max(slot) from tally
            where slot > 0 and day < (database_clock() at time zone 'UTC')::date - date '1970-01-01' - 1
        )
    limit $1
    for update skip locked
),
taken as (
    delete from tally
    using picked
    where tally.site = picked.site and tally.day = picked.day and tally.dimension = picked.dimension
        and tally.value = picked.value and tally.slot = picked.slot
    returning tally.site, tally.day, tally.dimension, tally.value, tally.pageviews, tally.visitors
)
insert into tally (site, day, dimension, value, pageviews, visitors, slot)
select site, day, dimension, value, pageviews, visitors, 0 from taken
order by site, day, dimension, value collate "C"
on conflict (site, day, dimension, value, slot) do update set
    pageviews = tally.pageviews + excluded.pageviews,
    visitors = add_gaps(tally.visitors, excluded.visitors)
