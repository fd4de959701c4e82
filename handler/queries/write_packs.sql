-- Writes packed days of a site ($1): days, cells, moves, profiles. Nulls leave what is stored.
insert into pack (site, day, cells, moves, profiles)
select $1, day, cells, moves, profiles
from unnest($2::integer[], $3::bytea[], $4::bytea[], $5::bytea[]) as sent (day, cells, moves, profiles)
order by day
on conflict (site, day) do update set
    cells = coalesce(excluded.cells, pack.cells),
    moves = coalesce(excluded.moves, pack.moves),
    profiles = coalesce(excluded.profiles, pack.profiles)
