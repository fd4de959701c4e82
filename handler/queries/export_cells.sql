-- Reads the cells of a site's ($1) day ($2), by the day of the visits that have raised them. Each row has a kind, as in
-- `read_cells.sql`. One statement reads one snapshot, so cells that are packed meanwhile are read once.
select
    'packed' as "kind!: CellKind", day as "visit_day!", cells as packed,
    null::smallint as dimension, null::text as value, null::text as profile, null::integer[] as visitors
from pack
where site = $1 and day = $2 and cells is not null
union all
select 'moved', day, moves, null, null, null, null
from pack
where site = $1 and day between $2 - 62 and $2 and moves is not null
union all
select 'open', visit_day, null, dimension, value, profile, visitors
from cell
where site = $1 and visit_day between $2 - 62 and $2 and day = $2
