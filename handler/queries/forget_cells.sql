-- Deletes some cells that are not packed ($6 at most) of a site ($1) on some days ($2 to $3). They are those of a page ($5), or all
-- cells with null. $4 is the dimension of pages. Lock rows in the order of `commit_batch.sql`, so that batches do not deadlock.
with picked as (
    select visit_day, day, dimension, value, profile, slot
    from cell
    where site = $1 and day between $2::integer and $3::integer
        and ($5::text is null or dimension = $4::smallint and value = $5)
    order by visit_day, day, dimension, value collate "C", profile collate "C", slot
    limit $6
    for update
)
delete from cell
using picked
where cell.site = $1 and cell.visit_day = picked.visit_day and cell.day = picked.day and cell.dimension = picked.dimension
    and cell.value = picked.value and cell.profile = picked.profile and cell.slot = picked.slot
