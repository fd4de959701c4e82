-- Counts what is stored for a site ($1) on some days ($2 to $3): of one page ($5) or, with null, of everything. $4 has the dimensions
-- whose values are pages, $6 the dimension of pairs of a host and a page, and $7 the dimension whose pageviews are summed.
select
    count(*) as "counters!", count(distinct day) as "days!", min(day) as first, max(day) as last,
    coalesce(sum(pageviews) filter (where dimension = $7::smallint), 0)::bigint as "pageviews!",
    case when $5::text is not null then 0 else (
        select count(*) from imported_tally where site = $1 and day between $2::integer and $3::integer
    ) end as "imported!",
    case when $5 is not null then 0 else (
        select count(*) from annotation where site = $1 and day between $2 and $3
    ) end as "annotations!"
from tally
where site = $1 and day between $2::integer and $3::integer
    and (
        $5::text is null
        or dimension = any($4::smallint[]) and value = $5
        or dimension = $6::smallint and substr(value, strpos(value, ' ') + 1) = $5
    )
