-- Sets of periods without any salt: nobody can tell their visitors any more. Detached is null if the set is no part of `seen`
-- any more, and true if somebody began to detach it: that one comes first, because no other can be detached until it is.
select
    class.relname::text as "name!",
    substring(class.relname from 6)::integer as "period!",
    inherits.inhdetachpending as "detach_is_pending?"
from pg_class as class
left join pg_inherits as inherits on inherits.inhrelid = class.oid
where class.relkind = 'r'
    and class.relnamespace = current_schema()::regnamespace
    and class.relname ~ '^seen_[0-9]+$'
    and not exists (select from salt where period = substring(class.relname from 6)::integer and salt is not null)
order by inherits.inhdetachpending desc nulls last, class.relname
limit $1
