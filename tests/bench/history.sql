-- Writes full lists for sites and their last days. history.py calls it, and describes the variables.
set synchronous_commit = off;
set jit = off;

insert into site (name) select unnest(string_to_array(:'sites', ',')) on conflict do nothing;

create temporary table of_day as
select id as site, day
from site, generate_series(extract(epoch from now())::integer / 86400 - :days + 1, extract(epoch from now())::integer / 86400) as day
where name = any(string_to_array(:'sites', ','));

create temporary table listed as
select
    dimension,
    -- The value of a place, as in examples/recorder.rs.
    '/articles/of-a-usual-length/' || to_char(place, 'FM000') as value,
    place > :values - :changing as changes,
    2000 / place + 1 as pageviews,
    -- Few values have visitors who come again.
    case
        when dimension = any(:'without_visitors'::integer[]) then '{}'
        when place <= 10 then array[800 / place, 200 / place, 50 / place, 0, 0, 0, 0, 20 / place, 1]
        when place <= 100 then array[800 / place, 200 / place]
        else array[800 / place + 1]
    end as visitors
from unnest(:'lists'::integer[]) as dimension, generate_series(1, :values) as place
-- The site as a whole, and its hours.
union all
select 0, '', false, 20000, array[5000, 1000, 300, 100, 50, 20, 10, 30]
union all
select 10, to_char(hour, 'FM00'), false, 800, array[250, 50] from generate_series(0, 23) as hour
order by 1, 2;

-- One day after the other, in the order in which days are counted.
select format(
    $$
        insert into tally (site, day, dimension, value, pageviews, visitors)
        select %s, %s, dimension, value || case when changes then '-%s' else '' end, pageviews, visitors
        from listed order by dimension, value
    $$,
    site, day, day
)
from of_day
order by day, site
\gexec

vacuum analyze tally;
