-- Deletes some sums of months of a site that ended before a day. Their marks go first, so that no list reads a part of the sums.
with unmarked as (
    delete from rolled_month where site = $1 and last_day < $2
)
delete from rollup
where ctid = any(array(select ctid from rollup where site = $1 and last_day < $2 limit $3))
