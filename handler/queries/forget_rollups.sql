-- Deletes some sums of a site's months that end between two days. Their marks go first, so that no list reads a part of the sums.
with unmarked as (
    delete from rolled_month where site = $1 and last_day between $2 and $3
)
delete from rollup
where ctid = any(array(select ctid from rollup where site = $1 and last_day between $2 and $3 limit $4))
