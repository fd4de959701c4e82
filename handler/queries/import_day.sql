-- Adds the counters of a day ($2) to a site ($1): dimensions, values, pageviews, and visitors as texts of arrays ($3 to $6). The checkpoint
-- ($7) makes sums of the day's month invalid. $8 has the day's pageviews, which the sum of all time gains.
with checkpointed as (
    insert into checkpoint (site, digest, bytes) values ($1, $7, 0)
),
raised_total as (
    insert into total (site, slot, pageviews, registers_revision) values ($1, 0, $8, 0)
    on conflict (site, slot) do update set pageviews = total.pageviews + excluded.pageviews
)
insert into tally (site, day, dimension, value, pageviews, visitors, slot)
select $1, $2, dimension, value, pageviews, visitors::integer[], 0
from unnest($3::smallint[], $4::text[], $5::bigint[], $6::text[]) as sent (dimension, value, pageviews, visitors)
order by dimension, value collate "C"
