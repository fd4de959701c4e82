-- Lists the referring hosts of a page ($3), or the pages that a host ($4) links to, with their views on some days ($2).
-- Rows with most views come first. Before them, a row without a value sums the views of pairs beyond the daily limit.
-- A pair is a host, a space and a page (`domain/dimension/referrer.rs`).
select value as "value?", sum(pageviews)::bigint as "pageviews!"
from (
    select
        case when tally.value = 'other' then null when $3::text is null then page else host end as value,
        pageviews
    -- Read day by day, so that the index skips the other dimensions of each day.
    from unnest($2::integer[]) as shown (day)
    join tally on tally.site = (select id from site where name = $1) and tally.day = shown.day and dimension = 100
    cross join lateral (
        select split_part(tally.value, ' ', 1) as host, substr(tally.value, strpos(tally.value, ' ') + 1) as page
    ) as pair
    where tally.value = 'other' or page = $3::text or host = $4::text
) as found
group by value
order by value is not null, sum(pageviews) desc, value
limit $5::bigint
