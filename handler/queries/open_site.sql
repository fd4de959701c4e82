-- Finds a site, or makes it. The salt offered is that of the all-time estimate; null keeps the one that is there. The update
-- changes nothing else: it makes the winner's row come back.
insert into site (name, salt) values ($1, $2)
on conflict (name) do update set salt = coalesce(site.salt, excluded.salt)
returning id, salt
