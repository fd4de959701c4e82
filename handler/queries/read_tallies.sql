-- Everything that answers one question, in one round trip. Which columns a row has says what it is:
--   a day and no value: the site as a whole, visitors by gap; a day and a value: an hour of the day, by its number;
--   a dimension and a value: what was counted for the value in the whole range; the dimension -1, a day and a source: what was
--   imported from the source for the day; nothing of these: the site itself, views of all time, and the revision of its registers in
--   place of visitors.
-- The cost depends on how many days and values are shown, never on how many visits there were.
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
            -- Those who had not come since the first day of the range; most values have visitors of one gap only.
            case
                when cardinality(visitors) < 2 then coalesce(visitors[1], 0)
                else visitors[1] + coalesce((select sum(earlier) from unnest(visitors[2 + tally.day - $4::integer:]) as earlier), 0)
            end as visitors
        -- Day by day, so that what stands behind the lists of a day is passed over.
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
