-- Reads the lists of some dimensions ($8) of a site ($1) and, if $7 is true, everything else of a report. Days are those of the whole
-- site (dimension $16 is 0 and $17 is empty), or of one value ($17) of a dimension. Each row has a kind:
--   day       a day, with visitors by gap
--   hour      an hour of a day, by its number
--   value     the sum of a value over the range
--   unread    one of the dimensions $9 that has values in the range
--   annotation  a day with a note of the owner, which is the value
--   imported  a day's total from another counter, whose name is the value. Other counters have totals of the whole site only
--   site      the site's first counted day, all-time views, and the revision of its registers in `visitors`. Without this row, the
--             site has never been counted
--   registers the ranks of the all-time estimate in `visitors`, if their revision is not $13. With null they are not read
-- A day or hour has a row for each slot, and their sum counts.
-- A list holds the values that contain $19 or are one of $20: $6 of them after the first $18, sorted by visitors or, if $21 is true, by
-- pageviews. The second element of `visitors` is the number of all of them.
-- The cost depends on the number of days and values in the report, not on the number of visits.
with found as (
    select id from site where name = $1
),
-- The days that were counted, so that no part looks for values of other days.
counted_day as materialized (
    select day from unnest($2::integer[]) as shown (day)
    where (select true from tally where tally.site = (select id from found) and tally.day = shown.day limit 1)
),
-- The months ($14 to $15) whose sums are read, and the days that are read one by one.
rolled as (
    -- With a sub-select as an argument, PostgreSQL would plan the function at each call.
    select first, last from found cross join lateral rolled_months(found.id, $14::integer[], $15::integer[])
),
single_day as (
    select day from counted_day
    where day between $4::integer and $5::integer and not exists (select from rolled where day between first and last)
),
all_time as (
    select id, pageviews, registers_revision
    from found
    cross join lateral (
        select
            coalesce(sum(pageviews), 0)::bigint as pageviews,
            -- A site that was forgotten and counted again has another id, and its revisions begin again.
            found.id * 1099511627776 + coalesce(sum(registers_revision), 0)::bigint as registers_revision
        from total
        where total.site = found.id
    ) as of_slots
    where $7::boolean
)
select
    'day' as "kind!: TallyKind", tally.day, null::smallint as dimension, null as value,
    pageviews as "pageviews!", visitors::bigint[] as "visitors!"
from counted_day
join tally
    on tally.site = (select id from found) and tally.day = counted_day.day and dimension = $16::smallint and tally.value = $17::text
where $7::boolean
union all
select 'hour', tally.day, null, tally.value, pageviews, visitors::bigint[]
from unnest($3::integer[]) as shown (day)
join tally on tally.site = (select id from found) and tally.day = shown.day and dimension = 10
where $7::boolean
union all
-- One dimension at a time, so that PostgreSQL sorts only the values of one list, and keeps only the largest of them.
select 'value', null, listed.dimension, value, pageviews, array[visitors, length]
from unnest($8::smallint[]) as listed (dimension)
cross join lateral (
    select
        value, sum(pageviews)::bigint as pageviews, coalesce(sum(visitors), 0)::bigint as visitors,
        count(*) over () as length
    from (
        select
            tally.value, pageviews,
            -- Count visitors without an earlier day in the range, if such numbers are shown ($10). Few values have gaps that reach to
            -- days before the range.
            case
                when not $10::boolean then null
                when cardinality(visitors) < 2 + tally.day - $4::integer then coalesce(visitors[1], 0)
                else visitors[1] + (
                    select sum(earlier) from (select unnest(visitors[2 + tally.day - $4::integer:]) as earlier) as gap
                )
            end as visitors
        -- Read day by day, so that the index skips the other dimensions of each day.
        from single_day
        join tally
            on tally.site = (select id from found) and tally.day = single_day.day and tally.dimension = listed.dimension
        union all
        select month.value, month.pageviews, null
        from rolled
        cross join lateral (
            select rollup.value, rollup.pageviews from rollup
            where rollup.site = (select id from found) and rollup.last_day = rolled.last
                and rollup.dimension = listed.dimension
            -- Read month by month, so that the index skips the other months and dimensions.
            offset 0
        ) as month
        -- Without it, PostgreSQL would evaluate the visitors once to show them and once to sort by them.
        offset 0
    ) as of_day
    where $19::text = '' or strpos(lower(value), $19) > 0 or value = any($20::text[])
    group by value
    -- An imported earlier day moves visitors of a later one between values, which can leave a value without views. A value with which
    -- no visitor began a day has the views of other visitors only.
    having sum(pageviews) > 0 and (listed.dimension <> all($24::smallint[]) or not $10 or sum(visitors) > 0)
    -- Named events are shown, whatever others send. The sum of all values beyond the limits ($22) is one of the rows of a beginning, and
    -- the last row of a whole list ($25).
    order by
        listed.dimension = $12::smallint and value = any($11::text[]) desc,
        (value = $22::text and listed.dimension <> $23::smallint) = $25::boolean,
        case when $21::boolean then sum(pageviews) else coalesce(sum(visitors), 0) end desc,
        case when $21 then coalesce(sum(visitors), 0) else sum(pageviews) end desc, value
    limit $6::bigint + case when listed.dimension = $12 then cardinality($11) else 0 end
    offset $18::bigint
) as largest
union all
select 'unread', null, unread.dimension, null, 0, '{}'
from unnest($9::smallint[]) as unread (dimension)
where (
    select true from counted_day
    where counted_day.day between $4::integer and $5::integer and (
        select true from tally
        where tally.site = (select id from found) and tally.day = counted_day.day and tally.dimension = unread.dimension
        limit 1
    )
    limit 1
)
union all
select 'imported', day, null, source, pageviews, array[visitors]
from imported_tally
where $7::boolean and $16 = 0 and site = (select id from found) and day between $4::integer and $5::integer
union all
select 'annotation', day, null, text, 0, '{}'
from annotation
where $7::boolean and site = (select id from found) and day between $4::integer and $5::integer
union all
select
    'site', (select min(day) from tally where tally.site = (select id from found) and dimension = 0), null, null,
    pageviews, array[registers_revision]
from all_time
union all
select 'registers', null, null, null, 0, array(select rank::bigint from register where site = all_time.id)
from all_time
where registers_revision <> $13::bigint
