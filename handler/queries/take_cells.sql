-- Takes cells that the visits of a day ($2) of a site ($1) have raised, at most $3 rows. Write rows in the order of
-- `commit_batch.sql`, so that instances do not deadlock. The whole site (dimension 0) comes first, because it decides the classes.
with picked as (
    select day, dimension, value, profile, slot
    from cell
    where site = $1 and visit_day = $2
    order by day, dimension, value collate "C", profile collate "C", slot
    limit $3
    for update
)
delete from cell
using picked
where cell.site = $1 and cell.visit_day = $2 and cell.day = picked.day and cell.dimension = picked.dimension
    and cell.value = picked.value and cell.profile = picked.profile and cell.slot = picked.slot
returning cell.day, cell.dimension, cell.value, cell.profile, cell.visitors
