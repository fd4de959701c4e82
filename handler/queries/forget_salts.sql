-- Forgets the salts of periods that have ended, and answers whose sets are to be dropped.
update salt set salt = null where salt is not null and forget_after < to_timestamp($1::double precision) returning bucket
