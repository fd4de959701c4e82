-- Reads all rows of one report in one round trip. The columns that are not null give the kind of a row:
--   day only: the whole site on that day, with visitors by gap;
--   day and value: an hour of the day, by its number;
--   dimension and value: the sum of a value over the range;
--   dimension -1, day and a source as the value: imported totals of the day;
--   none: the site, with its all-time views, and the revision of its registers instead of visitors.
-- The cost depends on the number of days and values in the report, not on the number of visits.
select
    null::smallint as dimension, tally.day, null as value,
    pageviews as "pageviews!", visitors::bigint[] as "visitors!"
from unnest($2::integer[]) as shown (day)
join tally on tally.site = $1 and tally.day = shown.day and dimension = 0 and tally.value = ''
union all
select null, tally.day, tally.value, pageviews, visitors::bigint[]
from unnest($3::integer[]) as shown (day)
join tally on tally.site = $1 and tally.day = shown.day and dimension = 10
union all
select dimension, null, value, pageviews, array[visitors]
from (
    select
        dimension, value,
        sum(pageviews)::bigint as pageviews,
        sum(visitors)::bigint as visitors,
        row_number() over (partition by dimension order by sum(visitors) desc, sum(pageviews) desc, value) as place
    from (
        select
            dimension, value, pageviews,
            -- Count visitors without an earlier day in the range. Most values have visitors of one gap only.
            case
                when cardinality(visitors) < 2 then coalesce(visitors[1], 0)
                else visitors[1] + coalesce((select sum(earlier) from unnest(visitors[2 + tally.day - $4::integer:]) as earlier), 0)
            end as visitors
        -- Read day by day, so that the index skips the other dimensions of each day.
        from unnest($2::integer[]) as shown (day)
        join tally on tally.site = $1 and tally.day = shown.day and dimension between 1 and 99 and dimension <> 10
        where shown.day between $4::integer and $5::integer
    ) as of_day
    group by dimension, value
) as ranked
where place <= $6::bigint
union all
select -1::smallint, day, source, pageviews, array[visitors]
from imported_tally
where site = $1 and dimension = 0 and value = '' and day between $4::integer and $5::integer
union all
select null, null, null, pageviews, array[registers_revision] from site where id = $1
