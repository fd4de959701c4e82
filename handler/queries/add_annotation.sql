-- Adds an annotation ($2 and $3) to a site ($1) with fewer than $4. The caller holds the lock of the site's row.
with added as (
    insert into annotation (site, day, text)
    select $1, $2, $3
    where (select count(*) from annotation where site = $1) < $4::bigint
    on conflict do nothing
    returning site
)
select
    exists (select from added) as "added!",
    -- This part does not see the row that the statement adds.
    exists (select from annotation where site = $1 and day = $2 and text = $3) as "existed!"
