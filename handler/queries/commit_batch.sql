-- Commits the visits of one day in one statement, exactly once.
--
-- Parameters:
--   $1, $2       id of the batch, ids of finished batches
--   $3, $4       period, day
--   $5, $6       the day before the first day of the previous period, and of the next period
--   $7           the day within the period
--   $8 to $10    sites, and whether the previous and the next period are open for each site
--   $11 to $13   visitors: fingerprints in this period (sorted, each once), in the previous, and in the next period
--   $14, $15     cohorts of the visitors, and views to count as late
--   $16          whether the day may be too late to be placed
--   $17 to $19   links of cohorts and counters; role 0 counts visitors, 1 visitors whose gap never changes, 2 late views
--   $20 to $23   counters: site, dimension, value, pageviews
--   $24 to $26   registers: site, number, rank
--   $27 to $29   at most one checkpoint: site, digest, length
--   $30 to $32   views by minute, for visits that have just arrived
--   $33 to $36   values that networks added on the day: site, dimension, network, number
--   $37 to $40   cells: site, dimension, value, profile. A link names a cell by the negative of its place
--
-- Every write requires a row in `claim`. A batch with a known id was applied already and changes nothing. A batch with a wrong
-- list of open periods, or with a forgotten site, changes nothing either. An import also claims its checkpoint, so that two imports of a log count it once.
--
-- The function `place` finds the previous and the next day of each visitor. This statement names no set of fingerprints.
--
-- Write rows in the order of their keys, so that two instances never deadlock, and rows of one page follow each other.
-- PostgreSQL runs writes that no other part reads at the end, from the last to the first: `raised_addition`, then `raised_cell`,
-- then `raised_tally`, then `raised_minute`, then `raised_total`. A network that adds more values than it may violates a check, and nothing is applied.
--
-- Use full joins of arrays, because PostgreSQL can only hash or merge them. The planner does not know the length of the arrays, and a
-- nested loop over two long arrays takes seconds.
with batch_lock as (
    delete from only ended_set where false
),
slot as materialized (
    select take_slot() as number
),
stale_key as (
    select sent.site
    from unnest($8::integer[], $9::boolean[], $10::boolean[]) as sent (site, previous_open, next_open)
    left join salt as this on this.site = sent.site and this.period = $3 and this.salt is not null
    left join salt as previous on previous.site = sent.site and previous.period = $3 - 1
    left join salt as next on next.site = sent.site and next.period = $3 + 1
    -- If the previous or the next period was closed, this period is closed too.
    where this.site is null
        or sent.previous_open <> (previous.salt is not null)
        or sent.next_open <> (next.salt is not null)
        or sent.previous_open is not null and (previous.site is not null and previous.salt is null)
        or sent.next_open is not null and (next.site is not null and next.salt is null)
    union all
    -- A forgotten site has no name, or no row.
    select sent.site from (select unnest($20::integer[]) union select unnest($27::integer[])) as sent (site)
    where not exists (select from site where site.id = sent.site and site.name is not null)
),
fresh_id as (
    insert into batch (id) select $1 where not exists (select from stale_key) on conflict do nothing returning id
),
forgotten_id as (
    delete from batch where id = any($2::uuid[])
),
fresh_checkpoint as (
    insert into checkpoint (site, digest, bytes)
    select site, digest, bytes from unnest($27::integer[], $28::bytea[], $29::bigint[]) as sent (site, digest, bytes)
    where exists (select from fresh_id)
    on conflict do nothing
    returning digest
),
claim as (
    select id from fresh_id where cardinality($27::integer[]) = 0 or exists (select from fresh_checkpoint)
),
attempt as materialized (
    select
        exists (select from claim) as adds,
        not exists (select from fresh_id) and not exists (select from stale_key) as was_applied_before
),
placed as materialized (
    select
        ($14::integer[])[visitor] as cohort, ($15::integer[])[visitor] as views, ($11::bigint[])[visitor] as fingerprint,
        is_new, is_late,
        case when previous_period = 0 then $4::integer - $7 + previous_day else $5::integer + previous_day end as previous_day,
        case when next_period = 0 then $4 - $7 + next_day else $6::integer + next_day end as next_day
    from attempt
    cross join lateral place($3, $7::smallint, $11::bigint[], $12::bigint[], $13::bigint[], $16, adds)
    where adds or (was_applied_before and $16)
),
cohort_size as (
    select
        cohort, previous_day, next_day,
        count(*) filter (where is_new) as visitors,
        sum(views) filter (where is_late) as late_views
    from placed
    group by cohort, previous_day, next_day
),
linked as materialized (
    select link.tally, link.role, previous_day, next_day, visitors::integer, late_views
    from unnest($17::integer[], $18::integer[], $19::smallint[]) as link (cohort, tally, role)
    full join cohort_size on cohort_size.cohort = link.cohort
),
counter as materialized (
    select site, dimension, value, pageviews, tally::integer
    from unnest($20::integer[], $21::smallint[], $22::text[], $23::bigint[]) with ordinality
        as sent (site, dimension, value, pageviews, tally)
),
-- Count the new day under its gap, and move the next day from its old gap to a smaller gap.
change as (
    select tally, $4::integer as day, coalesce($4 - previous_day, 0) as gap, visitors, 0::bigint as views
    from linked
    where role < 2 and visitors > 0
    union all
    -- A day of the next period was new if this period had no day: a gap spans at most one period.
    select
        tally, next_day,
        case when next_day > $6 and previous_day <= $4 - $7 then 0 else coalesce(next_day - previous_day, 0) end,
        -visitors, 0
    from linked
    where role = 0 and next_day is not null and visitors > 0
    union all
    select tally, next_day, next_day - $4, visitors, 0
    from linked
    where role = 0 and next_day is not null and visitors > 0
    union all
    select tally, $4, null, null, late_views
    from linked
    where role = 2 and late_views > 0
    union all
    select tally, $4, null, null, pageviews from counter
),
-- Every counter of this day, and the counters of other days whose visitors move.
raised as (
    select
        tally, day, sum(views)::bigint as pageviews,
        -- Nearly all visitors are new. The function is called for the others.
        case
            when max(gap) = 0 then array[sum(visitors)::integer]
            when max(gap) > 0 then
                add_gaps(array[coalesce(sum(visitors) filter (where gap = 0), 0)::integer], visitors_by_gap(gap, visitors) filter (where gap > 0))
            else '{}'
        end as visitors
    from change
    group by tally, day
),
raised_register as (
    insert into register (site, register, rank)
    select site, register, rank
    from unnest($24::integer[], $25::smallint[], $26::smallint[]) as sent (site, register, rank)
    where exists (select from claim)
        and not exists (
            select from register as held where held.site = sent.site and held.register = sent.register and held.rank >= sent.rank
        )
    order by site, register
    on conflict (site, register) do update set rank = excluded.rank where register.rank < excluded.rank
    returning site
),
raised_total as (
    insert into total (site, slot, pageviews, registers_revision)
    select viewed.site, slot.number, viewed.pageviews, case when viewed.site in (select site from raised_register) then 1 else 0 end
    from slot
    cross join (
        select site, sum(pageviews)::bigint as pageviews from counter where dimension = 0 group by site
    ) as viewed
    where exists (select from claim)
    order by viewed.site
    on conflict (site, slot) do update set
        pageviews = total.pageviews + excluded.pageviews,
        registers_revision = total.registers_revision + excluded.registers_revision
),
raised_minute as (
    insert into minute (site, minute, pageviews, slot)
    select site, minute, pageviews, slot.number
    from slot
    cross join unnest($30::integer[], $31::integer[], $32::bigint[]) as sent (site, minute, pageviews)
    where exists (select from claim)
    order by site, minute
    on conflict (site, minute, slot) do update set pageviews = minute.pageviews + excluded.pageviews
),
raised_tally as (
    insert into tally (site, day, dimension, value, pageviews, visitors, slot)
    select counter.site, raised.day, counter.dimension, counter.value, raised.pageviews, raised.visitors, slot.number
    from raised
    full join counter on counter.tally = raised.tally
    cross join slot
    -- Not `tally is not null`, with which PostgreSQL would not need a full join.
    where exists (select from claim) and coalesce(counter.tally, 0) > 0 and (raised.pageviews <> 0 or raised.visitors <> '{}')
    order by counter.site, raised.day, counter.dimension, counter.value collate "C"
    on conflict (site, day, dimension, value, slot) do update set
        pageviews = tally.pageviews + excluded.pageviews,
        visitors = case
            when excluded.visitors = '{}' then tally.visitors
            when cardinality(excluded.visitors) = 1 and tally.visitors <> '{}' then
                (tally.visitors[1] + excluded.visitors[1]) || tally.visitors[2:]
            else add_gaps(tally.visitors, excluded.visitors)
        end
),
-- Cells keep the day whose visits raised them, because that day's classes decide how they are folded. Without cells, the last
-- condition of the join is false before the join begins.
raised_cell as (
    insert into cell (site, visit_day, day, dimension, value, profile, visitors, slot)
    select cell.site, $4, raised.day, cell.dimension, cell.value, cell.profile, raised.visitors, slot.number
    from raised
    full join (
        select site, dimension, value, profile, -place::integer as tally
        from unnest($37::integer[], $38::smallint[], $39::text[], $40::text[]) with ordinality
            as sent (site, dimension, value, profile, place)
    ) as cell on cell.tally = raised.tally
    cross join slot
    where exists (select from claim) and coalesce(cell.tally, 0) < 0 and raised.visitors <> '{}'
        and cardinality($37::integer[]) > 0
    order by cell.site, raised.day, cell.dimension, cell.value collate "C", cell.profile collate "C"
    on conflict (site, visit_day, day, dimension, value, profile, slot) do update set
        visitors = add_gaps(cell.visitors, excluded.visitors)
),
raised_addition as (
    insert into addition (site, day, dimension, network, added)
    select site, $4, dimension, network, added
    from unnest($33::integer[], $34::smallint[], $35::bigint[], $36::smallint[]) as sent (site, dimension, network, added)
    where exists (select from claim)
    order by site, dimension, network
    on conflict (site, day, dimension, network) do update set added = addition.added + excluded.added
)
select
    exists (select from claim) as "applied!",
    exists (select from stale_key) as "stale_keys!",
    not exists (select from fresh_id) as "known_id!",
    extract(epoch from database_clock())::double precision as "clock_seconds!",
    array(select fingerprint from placed where is_late and views > 0) as "late!"
