-- Deletes some cells that are not packed: those before a day ($1), or all with null.
delete from cell
where ctid = any(array(select ctid from cell where $1::integer is null or day < $1 limit $2 for update skip locked))
