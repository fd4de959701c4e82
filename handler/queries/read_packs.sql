-- Reads packed days of a site ($1): the profiles of all these days ($2), and everything of the day $3.
select
    day,
    case when day = $3 then cells end as cells,
    case when day = $3 then moves end as moves,
    profiles
from pack
where site = $1 and day = any($2::integer[])
