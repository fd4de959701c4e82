-- Violated invariants of sets and tallies, one row each. One statement reads one snapshot.
--
-- Each visitor of a site has one fingerprint, and one more for each value of a dimension with several values a visitor.
-- A set keeps the latest days only, so it is compared with the first and the latest visits in the tallies of its
-- period. Periods that are closed for any site are skipped, because their sets differ from the tallies.
with period as (
    select period, first_day, (case when forget = 'daily' then first_day else last_day end) as last_day
    from (
        select
            period, forget,
            case when forget = 'daily' then period else month_start - date '1970-01-01' end as first_day,
            (month_start + interval '1 month')::date - date '1970-01-01' - 1 as last_day
        from salt
        cross join setting
        cross join lateral (
            select make_date(case when forget = 'daily' then 2000 else period / 12 end, period % 12 + 1, 1) as month_start
        ) as start
        group by period, forget, month_start
        having bool_and(salt is not null)
    ) as open_period
),
counter as (
    select site, day, dimension, value, sum(pageviews)::bigint as pageviews, sum_gaps(visitors) as visitors
    from tally
    group by site, day, dimension, value
),
of_gap as (
    select day, (place - 1)::integer as gap, sum(visitor)::bigint as visitors
    from counter
    cross join lateral unnest(visitors) with ordinality as element (visitor, place)
    where dimension in (0, 1, 2, 12, 17, 18, 19)
    group by day, place
),
of_day as (
    select site, day, pageviews, coalesce((select sum(visitor) from unnest(visitors) as visitor), 0) as visitors
    from counter
    where dimension = 0
)
-- Each fingerprint of a set has come for the first time in its period once.
select format('set %s holds %s fingerprints; the tallies say %s', period, held, counted) as problem
from (
    select
        period,
        (select count(*) from seen where seen.period = period.period) as held,
        coalesce((
            select sum(visitors) from of_gap
            where day between first_day and last_day and (gap = 0 or gap > day - first_day)
        ), 0) as counted
    from period
) as first_visit
where held <> counted
union all
-- A visit without a later one in the period is the latest visit.
select format('set %s holds %s fingerprints with the latest day %s; the tallies say %s', period, held, day, counted)
from (
    select
        period, day.day,
        (select count(*) from seen where seen.period = period.period and latest = day.day - first_day + 1) as held,
        coalesce((select sum(visitors) from of_gap where of_gap.day = day.day), 0)
            - coalesce((
                select sum(visitors) from of_gap
                where of_gap.day > day.day and of_gap.day <= last_day and gap = of_gap.day - day.day
            ), 0) as counted
    from period
    cross join generate_series(first_day, last_day) as day (day)
) as latest_visit
where held <> counted
union all
-- The day before the latest one is the gap under which that one was counted.
select format('set %s holds %s fingerprints with days %s and %s; the tallies say at most %s', period, held, second, latest, counted)
from (
    select
        seen.period, latest, second, count(*) as held,
        coalesce((
            select visitors from of_gap where day = first_day + latest - 1 and gap = latest - second
        ), 0) as counted
    from seen
    join period on period.period = seen.period
    where second is not null
    group by seen.period, first_day, latest, second
) as pair
where held > counted
union all
select format('days of a fingerprint in set %s are not in order: %s, %s, %s', period, latest, second, third)
from seen
where second >= latest or third >= second or (third is not null and second is null)
union all
select format('site %s, day %s, dimension %s, %s: %s views, visitors %s', site, day, dimension, value, pageviews, visitors)
from counter
where exists (select from unnest(visitors) as visitor where visitor < 0)
    or (dimension <> 9 and pageviews < (select sum(visitor) from unnest(visitors) as visitor))
union all
-- Hours add up to the day, and so do the views of pages.
select format('site %s, day %s: %s visitors and %s views, by hours %s and %s, by pages %s views',
    site, day, visitors, pageviews, hour_visitors, hour_views, page_views)
from of_day
cross join lateral (
    select
        coalesce(sum((select sum(visitor) from unnest(counter.visitors) as visitor)), 0) as hour_visitors,
        coalesce(sum(counter.pageviews), 0) as hour_views
    from counter
    where counter.site = of_day.site and counter.day = of_day.day and dimension = 10
) as hour
cross join lateral (
    select coalesce(sum(counter.pageviews), 0) as page_views
    from counter
    where counter.site = of_day.site and counter.day = of_day.day and dimension = 1
) as page
where (visitors, pageviews) <> (hour_visitors, hour_views) or pageviews <> page_views
union all
select format('site %s has %s views; its days say %s', id, pageviews, of_days)
from (
    select
        id, coalesce((select sum(total.pageviews) from total where total.site = id), 0) as pageviews,
        coalesce((select sum(of_day.pageviews) from of_day where of_day.site = id), 0) as of_days
    from site
) as all_time
where pageviews <> of_days
union all
-- Every view has a minute, except imported views and minutes older than an hour, which maintenance deletes. Only a test
-- that moves the clock has older minutes.
select format('site %s has %s views; its minutes say %s', id, pageviews, of_minutes)
from (
    select
        id, coalesce((select sum(total.pageviews) from total where total.site = id), 0) as pageviews,
        coalesce((select sum(minute.pageviews) from minute where minute.site = id), 0) as of_minutes
    from site
    where not exists (select from checkpoint where checkpoint.site = id)
) as ever
where pageviews < of_minutes
    or (pageviews <> of_minutes and abs(extract(epoch from database_clock() - clock_timestamp())) < 60)
union all
-- Each view with a referring host has a page, too.
select format('site %s, day %s: %s views by referring host, %s by host and page', site, day, of_hosts, of_pairs)
from (
    select
        site, day,
        coalesce(sum(pageviews) filter (where dimension = 2), 0) as of_hosts,
        coalesce(sum(pageviews) filter (where dimension = 100), 0) as of_pairs
    from tally
    group by site, day
) as referred
where of_hosts <> of_pairs
union all
-- As long as no day is packed, the cells of a counter add up to its visitors. Without cells they are turned off.
select format('site %s, day %s, dimension %s, %s: visitors %s, by profile %s', site, day, dimension, value, visitors, by_profile)
from (
    select site, day, dimension, value, visitors
    from counter
    where dimension in (0, 1, 2, 12, 17, 18, 19)
) as counted
full join (
    select site, day, dimension, value, sum_gaps(visitors) as by_profile from cell group by site, day, dimension, value
) as of_cells using (site, day, dimension, value)
where exists (select from cell) and not exists (select from pack)
    and exists (
        select from unnest(visitors, by_profile) as gap (number, number_by_profile)
        where coalesce(number, 0) <> coalesce(number_by_profile, 0)
    )
