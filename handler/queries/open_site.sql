-- Finds a site, or makes it with the salt offered. The update changes nothing: it makes the winner's row come back.
insert into site (name, salt) values ($1, $2)
on conflict (name) do update set name = excluded.name
returning id, salt
