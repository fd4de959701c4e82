-- Commits the views of one day exactly once, if no visitor can be new. Most batches are like this, and the statement is many times
-- smaller than `commit_batch.sql`.
-- Parameters: $1 id; $2 ids of finished batches; $3 day; $4 counters; $5 views by minute.
-- Write rows in the order of `commit_batch.sql`, so that instances do not deadlock.
-- `seen_lock` deletes no row and only takes the lock of `seen`. Views must wait for a batch of several days, because such a batch
-- writes the site before the tallies of its second day.
with seen_lock as (
    delete from only seen where false
),
fresh_id as (
    insert into batch (id) values ($1) on conflict do nothing returning id
),
forgotten_id as (
    delete from batch where id = any($2::uuid[])
),
counter as (
    select site, dimension, value, pageviews
    from unnest($4::sent_counter[])
    where exists (select from fresh_id)
),
raised_site as (
    update site set pageviews = site.pageviews + counter.pageviews from counter where site.id = counter.site and dimension = 0
),
raised_minute as (
    insert into minute (site, minute, pageviews)
    select site, minute, pageviews
    from unnest($5::sent_minute[])
    where exists (select from fresh_id)
    order by site, minute
    on conflict (site, minute) do update set pageviews = minute.pageviews + excluded.pageviews
),
raised_tally as (
    insert into tally (site, day, dimension, value, pageviews, visitors)
    select site, $3::integer, dimension, value, pageviews, '{}' from counter
    order by dimension desc, site, value collate "C"
    on conflict (site, day, dimension, value) do update set pageviews = tally.pageviews + excluded.pageviews
)
select
    exists (select from fresh_id) as "applied!",
    extract(epoch from database_clock())::double precision as "clock_seconds!"
