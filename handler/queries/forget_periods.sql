-- Forgets the salts of periods of a site before they expire, because an import has counted these periods.
update salt set salt = null where site = $1 and period = any($2::integer[]) and salt is not null
