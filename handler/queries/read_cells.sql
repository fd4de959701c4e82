-- Reads the cells of days ($2) of a site ($1). Each row has a kind:
--   packed  the cells of a day
--   moved   the changes that the visits of a day have made on later days
--   open    a cell that is not packed: of the value $4 of the dimension $3 (0: the site as a whole), and on some days ($5) of all
--           values whose profile matches $6
-- One statement reads one snapshot, so a day that is packed meanwhile is read once.
with found as (
    select id from site where name = $1
)
select
    'packed' as "kind!: CellKind", day as "day!", cells as packed,
    null::smallint as dimension, null::text as value, null::text as profile, null::integer[] as visitors
from pack
where site = (select id from found) and day = any($2::integer[]) and cells is not null
union all
select 'moved', day, moves, null, null, null, null
from pack
where site = (select id from found) and moves is not null
    and day between (select min(day) - 62 from unnest($2) as shown (day)) and (select max(day) from unnest($2) as shown (day))
union all
select 'open', day, null, dimension, value, profile, visitors
from cell
where site = (select id from found) and day = any($2)
    and (dimension = $3::smallint and value = $4::text or day = any($5::integer[]) and profile like $6::text)
