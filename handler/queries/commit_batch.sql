-- Commits the visits of one day in one statement, exactly once. Finds the previous and the next day of each visitor.
--
-- Parameters:
--   $1, $2     id of the batch, ids of finished batches
--   $3, $4     period, day
--   $5, $6     the day before the first day of the previous period, and of the next period
--   $7         the day within the period
--   $8         sites, and whether the previous and the next period are open for each site
--   $9         visitors, sorted by fingerprint, each once
--   $10        links of cohorts and counters; role 0 counts visitors, 1 visitors whose gap never changes, 2 late views
--   $11        counters
--   $12        registers
--   $13        at most one checkpoint
--   $14        views by minute, for visits that have just arrived
--   $15        values that networks added on the day
-- The migrations define the types of the rows (`sent_…`).
--
-- Every write requires a row in `claim`. A batch with a known id was applied already and changes nothing. A batch with a wrong
-- list of open periods changes nothing either. An import also claims its checkpoint, so that two imports of a log count it once.
--
-- The insert into `seen` returns the days that the row holds now, including a day that another instance has just written. The
-- look-ups in the previous and next period rely on the lock of `open_period`. A batch with an open next period also relies
-- on the lock that its sender takes first.
--
-- Use full joins, because PostgreSQL can only hash or merge them. The planner does not know the length of the arrays, and a nested
-- loop over two long arrays takes seconds.
--
-- Write rows in the order of their keys, so that two instances never deadlock. The counters that every batch updates come last.
-- PostgreSQL runs writes that no other part reads at the end, from the last to the first: `raised_addition`, then `raised_tally`,
-- then `raised_minute`, then `raised_site`. A network that adds more values than it may violates a check, and nothing is applied.
with stale_key as (
    select sent.site
    from unnest($8::sent_site[]) as sent (site, previous_open, next_open)
    left join salt as this on this.site = sent.site and this.period = $3 and this.salt is not null
    left join salt as previous on previous.site = sent.site and previous.period = $3 - 1
    left join salt as next on next.site = sent.site and next.period = $3 + 1
    -- If the previous or the next period was closed, this period is closed too.
    where this.site is null
        or sent.previous_open <> (previous.salt is not null)
        or sent.next_open <> (next.salt is not null)
        or sent.previous_open is not null and (previous.site is not null and previous.salt is null)
        or sent.next_open is not null and (next.site is not null and next.salt is null)
),
fresh_id as (
    insert into batch (id) select $1 where not exists (select from stale_key) on conflict do nothing returning id
),
forgotten_id as (
    delete from batch where id = any($2::uuid[])
),
fresh_checkpoint as (
    insert into checkpoint (site, digest, bytes)
    select site, digest, bytes from unnest($13::sent_checkpoint[])
    where exists (select from fresh_id)
    on conflict do nothing
    returning digest
),
claim as (
    select id from fresh_id where cardinality($13) = 0 or exists (select from fresh_checkpoint)
),
applied_before as (
    select where not exists (select from fresh_id) and not exists (select from stale_key)
),
visitor as (
    select fingerprint, cohort, previous, next, late_views from unnest($9::sent_visitor[])
),
-- A later last day in this period shortens the gap of the first day in the next period. If the first day is not kept any more,
-- the visit is too late.
unplaceable as (
    select fingerprint from visitor
    where next is not null
        and (select third from seen where period = $3 + 1 and seen.fingerprint = visitor.next) is not null
        and coalesce((select latest from seen where period = $3 and seen.fingerprint = visitor.fingerprint), 0) < $7::smallint
),
written as (
    insert into seen (period, fingerprint, latest)
    select $3, fingerprint, $7::smallint from visitor
    where exists (select from claim) and fingerprint not in (select fingerprint from unplaceable)
    on conflict (period, fingerprint) do update set
        latest = greatest(seen.latest, excluded.latest),
        second = case
            when excluded.latest > seen.latest then seen.latest
            when seen.second is null or excluded.latest > seen.second then excluded.latest
            else seen.second
        end,
        third = case
            when seen.second is null then null
            when excluded.latest > seen.latest then 0
            when excluded.latest > seen.second then seen.second
            else excluded.latest
        end
    where excluded.latest > seen.latest
        or (excluded.latest <> seen.latest and (seen.second is null or excluded.latest > seen.second))
        or (excluded.latest < seen.second and seen.third is null)
    returning fingerprint, latest, second, third
),
-- For each sent visitor: whether the day is new, and the visitor's previous and next day.
placed as (
    select
        visitor.cohort,
        written.fingerprint is not null as is_new,
        case
            when written.fingerprint is null then null
            when written.latest = $7 and written.second is not null then $4::integer - $7 + written.second
            when written.second = $7 and written.third is not null then $4 - $7 + written.third
            else $5::integer + (select latest from seen where period = $3 - 1 and seen.fingerprint = visitor.previous)
        end as previous_day,
        case
            when written.fingerprint is null then null
            when written.latest = $7 then $6::integer + (
                select coalesce(second, latest) from seen where period = $3 + 1 and seen.fingerprint = visitor.next
            )
            when written.second = $7 then $4 - $7 + written.latest
            else $4 - $7 + written.second
        end as next_day,
        -- Too late: the day was not written now and is not among the kept days. The sender sets late_views only if the day
        -- can be late, so other batches read no row here. After a resend the result is the same: a day that the first attempt
        -- placed is among the kept days.
        case
            when written.fingerprint is not null or visitor.late_views is null then 0
            when not exists (select from claim) and not exists (select from applied_before) then 0
            when visitor.fingerprint in (select fingerprint from unplaceable) then visitor.late_views
            when exists (
                select from seen
                where period = $3 and seen.fingerprint = visitor.fingerprint
                    and $7 < seen.second and $7 is distinct from seen.third
            ) then visitor.late_views
            else 0
        end as late_views,
        visitor.fingerprint
    from visitor
    full join written on written.fingerprint = visitor.fingerprint
),
cohort_size as (
    select
        cohort, previous_day, next_day,
        count(*) filter (where is_new) as visitors,
        sum(late_views) as late_views
    from placed
    group by cohort, previous_day, next_day
),
-- Count the new day under its gap, and move the next day from its old gap to a smaller gap. `generate_series` and `case` instead of a
-- lateral list of values, whose expressions PostgreSQL would prepare again for every row.
change as (
    select tally, day, gap, sum(visitors)::integer as visitors, sum(views)::bigint as views
    from (
        select
            link.tally,
            case
                when step = 0 and role < 2 or step = 3 and role = 2 then $4
                when step in (1, 2) and role = 0 then next_day
            end as day,
            case step
                when 0 then coalesce($4 - previous_day, 0)
                -- A day of the next period was new if this period had no day: a gap spans at most one period.
                when 1 then case when next_day > $6 and previous_day <= $4 - $7 then 0 else coalesce(next_day - previous_day, 0) end
                when 2 then next_day - $4
                else 0
            end as gap,
            case step when 1 then -cohort_size.visitors when 3 then 0 else cohort_size.visitors end as visitors,
            case step when 3 then cohort_size.late_views else 0 end as views
        from unnest($10::sent_link[]) as link (cohort, tally, role)
        full join cohort_size on cohort_size.cohort = link.cohort
        cross join generate_series(0, 3) as step
    ) as step
    where day is not null and (visitors <> 0 or views > 0)
    group by tally, day, gap
),
by_gap as (
    select tally, day, sum(views)::bigint as views, array_agg(visitors order by gap) as visitors
    from (
        select tally, day, gap, sum(visitors)::integer as visitors, sum(views) as views
        from (
            select tally, day, gap, visitors, views from change
            union all
            select tally, day, generate_series(0, max(gap)), 0, 0 from change group by tally, day
        ) as change_or_nothing
        group by tally, day, gap
    ) as without_holes
    group by tally, day
),
counter as (
    select site, dimension, value, pageviews, tally
    from unnest($11::sent_counter[]) with ordinality as sent (site, dimension, value, pageviews, tally)
),
-- Every counter of this day, and the counters of other days whose visitors move.
raised as (
    select tally, day, sum(pageviews)::bigint as pageviews, max(visitors) as visitors
    from (
        select tally, day, views as pageviews, visitors from by_gap
        union all
        select tally, $4, pageviews, '{}' from counter
    ) as every_counter
    group by tally, day
),
raised_register as (
    insert into register (site, register, rank)
    select site, register, rank
    from unnest($12::sent_register[])
    where exists (select from claim)
    on conflict (site, register) do update set rank = excluded.rank where register.rank < excluded.rank
    returning site
),
raised_site as (
    update site set
        pageviews = site.pageviews + viewed.pageviews,
        registers_revision = site.registers_revision + case when site.id in (select site from raised_register) then 1 else 0 end
    from (select site, sum(pageviews)::bigint as pageviews from counter where dimension = 0 group by site) as viewed
    where site.id = viewed.site and exists (select from claim)
),
raised_minute as (
    insert into minute (site, minute, pageviews)
    select site, minute, pageviews
    from unnest($14::sent_minute[])
    where exists (select from claim)
    order by site, minute
    on conflict (site, minute) do update set pageviews = minute.pageviews + excluded.pageviews
),
raised_tally as (
    insert into tally (site, day, dimension, value, pageviews, visitors)
    select counter.site, raised.day, counter.dimension, counter.value, raised.pageviews, raised.visitors
    from raised
    full join counter on counter.tally = raised.tally
    where exists (select from claim) and (raised.pageviews <> 0 or raised.visitors <> '{}')
    order by counter.dimension desc, counter.site, raised.day, counter.value collate "C"
    on conflict (site, day, dimension, value) do update set
        pageviews = tally.pageviews + excluded.pageviews,
        visitors = case
            when excluded.visitors = '{}' then tally.visitors
            else array(
                select coalesce(old, 0) + coalesce(raised, 0)
                from unnest(tally.visitors, excluded.visitors) with ordinality as element (old, raised, gap)
                order by gap
            )
        end
),
raised_addition as (
    insert into addition (site, day, dimension, network, added)
    select site, $4, dimension, network, added
    from unnest($15::sent_addition[])
    where exists (select from claim)
    order by site, dimension, network
    on conflict (site, day, dimension, network) do update set added = addition.added + excluded.added
)
select
    exists (select from claim) as "applied!",
    exists (select from stale_key) as "stale_keys!",
    not exists (select from fresh_id) as "known_id!",
    extract(epoch from database_clock())::double precision as "clock_seconds!",
    array(select fingerprint from placed where late_views > 0) as "late!"
