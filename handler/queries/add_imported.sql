-- Adds what a source counted. Its days were emptied before in the same transaction.
insert into imported_tally (site, source, dimension, day, value, pageviews, visitors)
select $1, $2, dimension, day, value, pageviews, visitors
from unnest($3::smallint[], $4::integer[], $5::text[], $6::bigint[], $7::bigint[])
    as imported (dimension, day, value, pageviews, visitors)
