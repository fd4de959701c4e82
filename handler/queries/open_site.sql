-- Finds or creates a site. The offered salt is for the all-time estimate; an existing salt stays. The update otherwise changes
-- nothing: without it, `returning` would return no row for an existing site.
insert into site (name, salt) values ($1, $2)
on conflict (name) do update set salt = coalesce(site.salt, excluded.salt)
returning id, salt
