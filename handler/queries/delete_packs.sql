-- Deletes some packed days: those before a day ($1), or all with null. Changes that such a day made on later days stay as long as they
-- can matter: a gap is shorter than two months.
delete from pack
where ctid = any(array(
    select ctid from pack where $1::integer is null or (day < $1 and (moves is null or day < $1 - 62)) limit $2
))
