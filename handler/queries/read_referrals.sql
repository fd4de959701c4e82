-- Of one page ($4) the hosts that led to it, or of one host ($5) the pages to which it led, with their views in a range of days, most
-- first; before them, without a value, the views of pairs that were not told apart. A pair is a host, a space and a page
-- (`visitor/referrer.rs`).
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
