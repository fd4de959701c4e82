-- Buckets whose salt has been forgotten but whose set is still there, because whoever forgot it was stopped in between.
select salt.bucket
from salt
join pg_inherits on inhparent = 'seen'::regclass
join pg_class on pg_class.oid = inhrelid and relname = 'seen_' || salt.bucket
where salt.salt is null
