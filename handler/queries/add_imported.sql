-- Adds the daily sums of a source. The same transaction deleted the old sums of these days.
insert into imported_tally (site, source, dimension, day, value, pageviews, visitors)
select $1, $2, dimension, day, value, pageviews, visitors
from unnest($3::smallint[], $4::integer[], $5::text[], $6::bigint[], $7::bigint[])
    as imported (dimension, day, value, pageviews, visitors)
