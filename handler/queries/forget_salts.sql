-- Forgets some expired salts, by the database's clock. Without its salt a fingerprint cannot be compared any more.
update salt set salt = null
where (site, period) in (
    select site, period from salt where salt is not null and forget_after < database_clock() limit $1
)
