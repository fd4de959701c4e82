-- Adds cells that are not packed: those of a site's ($1) day ($3) that the visits of a day ($2) have raised. The arrays have dimensions,
-- values, profiles, and visitors as texts of arrays.
insert into cell (site, visit_day, day, dimension, value, profile, visitors, slot)
select $1, $2, $3, dimension, value, profile, visitors::integer[], 0
from unnest($4::smallint[], $5::text[], $6::text[], $7::text[]) as sent (dimension, value, profile, visitors)
order by dimension, value collate "C", profile collate "C"
