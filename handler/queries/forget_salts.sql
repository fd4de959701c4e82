-- Forgets some salts whose time is over by the database's clock. From here on their fingerprints mean nothing.
update salt set salt = null
where (site, period) in (
    select site, period from salt where salt is not null and forget_after < database_clock() limit $1
)
