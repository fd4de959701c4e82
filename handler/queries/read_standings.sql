-- Reads what decides whether values get a place on their day.
--
-- Parameters:
--   $1 to $4   site, day, dimension and text of each value
--   $5 to $8   site, day, dimension and hash of each network
--   $9         `other`
--   $10        the number of days for which a value keeps its place
--
-- Each row has an index into the values or the networks, from 1, and a number:
--   standing   of a value: 2 if it has a place on the day, 1 if it had one before
--   listed     the number of values of a list, with the index of the first value of the list
--   added      the number of values that a network has added
--
-- Each look-up is a subquery that returns a value, and there is one for each day. For `exists`, a join or a range of days PostgreSQL
-- may read all rows of the site or the whole table.
with wanted as (
    select site, day, dimension, value, place
    from unnest($1::integer[], $2::integer[], $3::smallint[], $4::text[]) with ordinality
        as wanted (site, day, dimension, value, place)
),
list as (
    select site, day, dimension, min(place) as place from wanted group by site, day, dimension
)
select
    'standing' as "about!: StandingsKind", place as "place!",
    coalesce(
        (
            select 2 from tally
            where tally.site = wanted.site and tally.day = wanted.day
                and tally.dimension = wanted.dimension and tally.value = wanted.value
            limit 1
        ),
        (
            select 1 from generate_series(1, $10::integer) as back
            where (
                select true from tally
                where tally.site = wanted.site and tally.day = wanted.day - back
                    and tally.dimension = wanted.dimension and tally.value = wanted.value
                limit 1
            )
            limit 1
        ),
        0
    )::bigint as "number!"
from wanted
union all
select 'listed', place, (
    select count(distinct tally.value) from tally
    where tally.site = list.site and tally.day = list.day and tally.dimension = list.dimension and tally.value <> $9
)
from list
union all
select 'added', adder.place, coalesce(
    (
        select added from addition
        where addition.site = adder.site and addition.day = adder.day
            and addition.dimension = adder.dimension and addition.network = adder.network
    ),
    0
)
from unnest($5::integer[], $6::integer[], $7::smallint[], $8::bigint[]) with ordinality
    as adder (site, day, dimension, network, place)
