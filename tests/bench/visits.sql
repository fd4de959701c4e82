-- Writes the visits of a site for a number of days until today: tallies, and cells that maintenance packs. history.py calls it,
-- and describes the variables. The visitors are those of handler/src/domain/cells/simulation.rs.
set synchronous_commit = off;
set jit = off;
set work_mem = '256MB';
do $$ begin perform setseed(0.16); end $$;

insert into site (name) values (:'site') on conflict do nothing;

-- A number below the limit. Small numbers are more likely (Zipf's law, about), and with `lowest` still more.
create function pg_temp.low(most integer) returns integer language sql volatile as $$
    select least(floor(power(most + 1, random()))::integer, most) - 1
$$;
create function pg_temp.varied(most integer) returns integer language sql volatile as $$
    select case when random() < 0.35 then pg_temp.low(most) else pg_temp.low(1 + pg_temp.low(most)) end
$$;
create function pg_temp.one_of(texts text[], upto double precision[]) returns text language sql volatile as $$
    select texts[1 + width_bucket(random(), upto)]
$$;

-- Two thirds of the visitors of a day are new, and the others come again after few days.
create temporary table visit as
select
    day, number,
    case
        when day > 0 and random() < 0.34 then greatest(0, day * :visitors - 1 - pg_temp.low(day * :visitors))
        else day * :visitors + number
    end as person,
    pg_temp.one_of('{direct,search,social,other,mail,ai_assistant}', '{0.45,0.78,0.88,0.96,0.98}') as channel,
    floor(ln(1 - random()) / ln(0.545))::integer as later_views
from generate_series(0, :days - 1) as day, generate_series(0, :visitors - 1) as number;

create temporary table person as
select
    person, country, device,
    case when random() < 0.82 then country * 40 / 90 else pg_temp.low(40) end as language,
    case
        when device = 'Desktop' then pg_temp.one_of('{Windows,macOS,Linux,ChromeOS}', '{0.62,0.86,0.96}')
        when random() < 0.48 then 'iOS'
        else 'Android'
    end as system
from (
    select distinct
        person, pg_temp.varied(90) as country, pg_temp.one_of('{Phone,Desktop,Tablet}', '{0.54,0.96}') as device
    from (select distinct person from visit) as came
) as known;

-- The most frequent country is DE, and its language de. Most other codes do not exist.
create temporary table profile as
select
    person,
    chr(100 + language / 26) || chr(97 + (language + 4) % 26) as language,
    case system
        when 'iOS' then pg_temp.one_of('{Safari,Chrome,Firefox}', '{0.85,0.97}')
        when 'Android' then pg_temp.one_of('{Chrome,Samsung Internet,Firefox,Opera}', '{0.75,0.92,0.97}')
        when 'macOS' then pg_temp.one_of('{Chrome,Safari,Edge,Firefox,Opera}', '{0.40,0.80,0.90,0.98}')
        else pg_temp.one_of('{Chrome,Edge,Firefox,Opera}', '{0.67,0.84,0.97}')
    end as browser,
    system, device,
    chr(68 + country / 26) || chr(65 + (country + 4) % 26) as country
from person;

-- 2.2 views a visitor. Later views do not show how the day began.
create temporary table view as
select
    day, person, place, case when place = 0 then channel else 'direct' end as channel,
    '/articles/number-' || pg_temp.varied(500) || '/' as page,
    case when place = 0 and channel <> 'direct' then 'www.host-' || pg_temp.varied(150) || '.example' end as host,
    case when place = 0 and random() < 0.04 then pg_temp.low(20) end as campaign
from visit
cross join lateral generate_series(0, later_views) as place;

-- The first view of each visitor of a day, of the site (dimension 0) and of each value.
create temporary table first_view as
select
    day, dimension, value, person, channel, views,
    coalesce(day - lag(day) over (partition by dimension, value, person order by day), 0) as gap
from (
    select distinct on (day, dimension, value, person)
        day, dimension, value, person, channel,
        count(*) over (partition by day, dimension, value, person) as views
    from view
    cross join lateral (
        values
            (0, ''), (1, page), (2, host),
            -- Source, medium and name of a campaign.
            (17, 'source-' || campaign % 5), (18, 'medium-' || campaign % 2), (19, 'campaign-' || campaign)
    ) as shown (dimension, value)
    where value is not null
    order by day, dimension, value, person, place
) as came;

create temporary table counted as
select
    first_view.day, dimension, value, gap, profile.person,
    concat_ws(E'\t', language, browser, channel, system, device, country) as profile,
    views
from first_view join profile using (person);

insert into cell (site, visit_day, day, dimension, value, profile, visitors, slot)
select id, day, day, dimension, value, profile, sum_gaps(array_fill(0, array[gap]) || number), 0
from (
    select day + extract(epoch from now())::integer / 86400 - :days + 1 as day, dimension, value, profile, gap, count(*)::integer as number
    from counted group by 1, 2, 3, 4, 5
) as of_gap, site
where name = :'site'
group by id, day, dimension, value, profile
order by day, dimension, value, profile;

insert into tally (site, day, dimension, value, pageviews, visitors)
select id, day, dimension, value, sum(views), sum_gaps(array_fill(0, array[gap]) || number)
from (
    select day + extract(epoch from now())::integer / 86400 - :days + 1 as day, dimension, value, gap, count(*)::integer as number, sum(views) as views
    from (
        select day, dimension, value, gap, views from counted
        union all
        select day, listed.dimension, listed.value, gap, views
        from counted
        cross join lateral unnest('{7,3,13,4,5,6}'::integer[], string_to_array(profile, E'\t')) as listed (dimension, value)
        where counted.dimension = 0
        union all
        select day, 10, to_char(person % 24, 'FM00'), gap, views from counted where dimension = 0
    ) as of_list
    group by 1, 2, 3, 4
) as of_gap, site
where name = :'site'
group by id, day, dimension, value
order by day, dimension, value;

vacuum analyze tally, cell;
