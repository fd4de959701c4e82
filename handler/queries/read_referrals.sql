-- Lists the referring hosts of a page ($3), or the pages that a host ($4) links to, with their views on some days ($2). The sums of
-- the months from $6 to $7 are read instead of their days, if there are any.
-- The list has the values that contain $9: $5 of them after the first $8, those with most views first. `length` is the number of all
-- of them. A row without a value sums the views of pairs beyond the daily limit.
-- A pair is a host, a space and a page (`domain/dimension/referrer.rs`).
with found as (
    select id from site where name = $1
),
rolled as (
    -- With a sub-select as an argument, PostgreSQL would plan the function at each call.
    select first, last from found cross join lateral rolled_months(found.id, $6::integer[], $7::integer[])
),
listed as (
    -- Read day by day, so that the index skips the other dimensions of each day.
    select tally.value, pageviews
    from unnest($2::integer[]) as shown (day)
    join tally on tally.site = (select id from found) and tally.day = shown.day and dimension = 100
    where not exists (select from rolled where shown.day between first and last)
    union all
    select month.value, month.pageviews
    from rolled
    cross join lateral (
        select rollup.value, rollup.pageviews from rollup
        where rollup.site = (select id from found) and rollup.last_day = rolled.last and dimension = 100
        offset 0
    ) as month
),
referral as (
    select
        case when listed.value = 'other' then null when $3::text is null then page else host end as value,
        sum(pageviews)::bigint as pageviews
    from listed
    cross join lateral (
        select split_part(listed.value, ' ', 1) as host, substr(listed.value, strpos(listed.value, ' ') + 1) as page
    ) as pair
    where listed.value = 'other' or page = $3::text or host = $4::text
    group by 1
)
select value as "value?", pageviews as "pageviews!", length as "length!"
from (
    select value, pageviews, count(*) over () as length
    from referral
    where value is not null and ($9::text = '' or strpos(lower(value), $9) > 0)
    order by pageviews desc, value
    limit $5::bigint
    offset $8::bigint
) as section
union all
select null, pageviews, 0 from referral where value is null
