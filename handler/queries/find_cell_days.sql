-- Finds days before $1 whose visits raised cells that are not packed, oldest first: of one site ($2), or of all with null.
select site, visit_day
from cell
where visit_day < $1 and ($2::integer is null or site = $2)
group by site, visit_day
order by visit_day, site
limit $3
