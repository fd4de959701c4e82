-- Commits the views of one day exactly once, if no visitor can be new. Most batches are like this, and the statement is many times
-- smaller than `commit_batch.sql`.
-- Parameters: $1 id; $2 ids of finished batches; $3 day; $4 to $7 counters; $8 to $10 views by minute.
-- Write rows in the order of `commit_batch.sql`, so that instances do not deadlock.
-- Views must wait for a batch of several days, because such a batch writes the site before the tallies of its second day.
with batch_lock as (
    delete from only ended_set where false
),
slot as materialized (
    select take_slot() as number
),
-- A forgotten site has no name, or no row.
stale_key as (
    select sent.site from (select distinct unnest($4::integer[])) as sent (site)
    where not exists (select from site where site.id = sent.site and site.name is not null)
),
fresh_id as (
    insert into batch (id) select $1 where not exists (select from stale_key) on conflict do nothing returning id
),
forgotten_id as (
    delete from batch where id = any($2::uuid[])
),
counter as materialized (
    select site, dimension, value, pageviews, slot.number as slot
    from slot
    cross join unnest($4::integer[], $5::smallint[], $6::text[], $7::bigint[]) as sent (site, dimension, value, pageviews)
    where exists (select from fresh_id)
),
raised_total as (
    insert into total (site, slot, pageviews, registers_revision)
    select site, slot, sum(pageviews)::bigint, 0 from counter where dimension = 0 group by site, slot order by site
    on conflict (site, slot) do update set pageviews = total.pageviews + excluded.pageviews
),
raised_minute as (
    insert into minute (site, minute, pageviews, slot)
    select site, minute, pageviews, slot.number
    from slot
    cross join unnest($8::integer[], $9::integer[], $10::bigint[]) as sent (site, minute, pageviews)
    where exists (select from fresh_id)
    order by site, minute
    on conflict (site, minute, slot) do update set pageviews = minute.pageviews + excluded.pageviews
),
raised_tally as (
    insert into tally (site, day, dimension, value, pageviews, visitors, slot)
    select site, $3::integer, dimension, value, pageviews, '{}', slot from counter
    order by site, dimension, value collate "C"
    on conflict (site, day, dimension, value, slot) do update set pageviews = tally.pageviews + excluded.pageviews
)
select
    exists (select from fresh_id) as "applied!",
    exists (select from stale_key) as "stale_keys!",
    extract(epoch from database_clock())::double precision as "clock_seconds!"
