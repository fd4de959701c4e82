-- Locks the first packed day after $4 of a site ($1) with cells of the days $2 to $3. These are its own cells, or changes that its visits
-- have made on later days. A gap is shorter than two months.
select day, cells, moves, profiles
from pack
where site = $1 and day > $4::integer and day <= $3::integer
    and (day >= $2::integer or moves is not null and day >= $2 - 62)
order by day
limit 1
for update
