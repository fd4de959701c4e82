-- Lists the months of some sites ($1) that can be rolled up. They ended before the day $2, begin on the day $3 or later, and have no
-- valid sums yet.
select site.id as "site!", month.first as "first!", month.last as "last!"
from unnest($1::integer[]) as site (id)
cross join lateral (select min(day) as day from tally where tally.site = site.id) as counted
cross join lateral (
    select start::date - date '1970-01-01' as first, (start + interval '1 month')::date - date '1970-01-01' - 1 as last
    from generate_series(
        date_trunc('month', (date '1970-01-01' + counted.day)::timestamp),
        (date '1970-01-01' + $2::integer)::timestamp,
        interval '1 month'
    ) as start
) as month
where month.last < $2 and month.first >= $3::integer
    and not exists (select from rolled_months(site.id, array[month.first], array[month.last]))
order by site.id, month.first
