-- Lists the referring hosts of a page ($4), or the pages that a host ($5) links to, with their views in a range of days.
-- Rows with most views come first. Before them, a row without a value sums the views of pairs beyond the daily limit.
-- A pair is a host, a space and a page (`domain/dimension/referrer.rs`).
select value as "value?", sum(pageviews)::bigint as "pageviews!"
from (
    select
        case when tally.value = 'other' then null when $4::text is null then page else host end as value,
        pageviews
    from tally
    cross join lateral (
        select split_part(tally.value, ' ', 1) as host, substr(tally.value, strpos(tally.value, ' ') + 1) as page
    ) as pair
    where site = $1 and day between $2::integer and $3::integer and dimension = 100
        and (tally.value = 'other' or page = $4::text or host = $5::text)
) as found
group by value
order by value is not null, sum(pageviews) desc, value
limit $6::bigint
