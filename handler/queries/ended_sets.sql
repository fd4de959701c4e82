-- Lists sets of periods without any salt; their fingerprints cannot be compared any more. `detach_is_pending` is null if the set was
-- detached, and true if a detach has begun. A pending detach comes first, because PostgreSQL detaches one partition at a time.
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
    -- A site that was forgotten can be counted again at any time, and a period whose set is being dropped cannot be opened.
    and not exists (
        select from salt
        where period = substring(class.relname from 6)::integer and forget_after >= database_clock()
            and not exists (select from site where site.id = salt.site and site.name is not null)
    )
order by inherits.inhdetachpending desc nulls last, class.relname
limit $1
