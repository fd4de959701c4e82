-- Empties some packed days before a day ($1) of which only the changes that they made on later days stay.
update pack set cells = null, profiles = null
where ctid = any(array(
    select ctid from pack where day < $1 and (cells is not null or profiles is not null) limit $2
))
