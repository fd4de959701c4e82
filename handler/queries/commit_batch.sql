-- Commits one batch of visits in one round trip, exactly once.
--
-- Every step hangs on `claim`: a batch whose id is known has been applied already, and changes nothing. A batch of an import
-- also hangs on its checkpoint ($15 to $17, at most one), so that two imports of the same log count it once.
-- Joins are full joins, which PostgreSQL can only do by hashing or merging: the planner knows nothing of how many elements
-- the arrays have, and a nested loop over two long ones takes seconds. They find the same rows as inner joins would.
-- Rows are inserted in the order of their keys, so that two instances never wait for each other in a circle; the counters
-- that every batch touches come last.
with fresh_id as (
    insert into batch (id) values ($1) on conflict do nothing returning id
),
fresh_checkpoint as (
    insert into checkpoint (site, digest, bytes)
    select site, digest, bytes from unnest($15::integer[], $16::bytea[], $17::bigint[]) as sent (site, digest, bytes)
    where exists (select from fresh_id)
    on conflict do nothing
    returning digest
),
claim as (
    select id from fresh_id where cardinality($15) = 0 or exists (select from fresh_checkpoint)
),
visitor as (
    select bucket, fingerprint, cohort
    from unnest($2::integer[], $3::bigint[], $4::integer[]) as sent (bucket, fingerprint, cohort)
),
new_visitor as (
    insert into seen (bucket, fingerprint)
    select bucket, fingerprint from visitor where exists (select from claim)
    on conflict do nothing
    returning bucket, fingerprint
),
cohort_size as (
    select visitor.cohort, count(new_visitor.fingerprint) as visitors
    from visitor
    full join new_visitor on new_visitor.bucket = visitor.bucket and new_visitor.fingerprint = visitor.fingerprint
    group by visitor.cohort
),
raise as (
    select link.tally, sum(cohort_size.visitors)::bigint as visitors
    from unnest($5::integer[], $6::integer[]) as link (cohort, tally)
    full join cohort_size on cohort_size.cohort = link.cohort
    group by link.tally
),
raised_tally as (
    insert into tally (site, bucket, dimension, value, visitors, pageviews)
    select sent.site, sent.bucket, sent.dimension, sent.value, coalesce(raise.visitors, 0), sent.pageviews
    from unnest($7::integer[], $8::integer[], $9::smallint[], $10::text[], $11::bigint[]) with ordinality
        as sent (site, bucket, dimension, value, pageviews, tally)
    full join raise on raise.tally = sent.tally
    where exists (select from claim)
    order by sent.dimension desc, sent.site, sent.bucket, sent.value collate "C"
    on conflict (site, bucket, dimension, value) do update
    set visitors = tally.visitors + excluded.visitors, pageviews = tally.pageviews + excluded.pageviews
),
raised_register as (
    insert into register (site, register, rank)
    select site, register, rank
    from unnest($12::integer[], $13::smallint[], $14::smallint[]) as sent (site, register, rank)
    where exists (select from claim)
    on conflict (site, register) do update set rank = excluded.rank where register.rank < excluded.rank
    returning site
),
revised_site as (
    update site set registers_revision = registers_revision + 1
    where id in (select site from raised_register)
)
select exists (select from claim) as "applied!"
