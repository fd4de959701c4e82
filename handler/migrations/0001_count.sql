-- What is stored, and nothing else: no address, no User-Agent, no raw event.
--
-- A bucket is one integer for the kind and the start of a period: kind × 100,000,000 + number, where kind is 0 for all
-- time, 1 for months (since year 0), 2 for ISO weeks, 3 for days, 4 for hours (in quarters of an hour) since 1970.

-- Host names being counted. The salt is that of the all-time estimate; it lives as long as the site.
create table site (
    id integer generated always as identity primary key,
    name text not null unique,
    salt bytea not null check (octet_length(salt) = 32),
    -- Raised with every change of the site's registers, so that readers fetch them only when they must.
    registers_revision bigint not null default 0
);

-- The key under which the visitors of one day, week or month are fingerprinted. Null once it has been forgotten: the row
-- stays, so that nobody makes a second salt for a period whose visitors have been counted already.
create table salt (
    bucket integer primary key,
    salt bytea check (octet_length(salt) = 32),
    forget_after timestamptz not null
);

-- The visitors of open periods. One partition a bucket, so that forgetting a period is dropping a table.
create table seen (
    bucket integer not null,
    fingerprint bigint not null,
    primary key (bucket, fingerprint)
) partition by list (bucket);

-- Counters. Dimensions: 0 total, 1 page, 2 referrer, 3 browser, 4 operating system, 5 device, 6 country, 7 language,
-- 8 campaign, 9 excluded (by reason). The same few rows are updated by every batch: the free space keeps the new
-- versions on the same page.
create table tally (
    site integer not null,
    bucket integer not null,
    dimension smallint not null,
    value text collate "C" not null,
    visitors bigint not null,
    pageviews bigint not null,
    primary key (site, bucket, dimension, value)
) with (fillfactor = 50);

-- All-time visitors: HyperLogLog registers, raised and never lowered.
create table register (
    site integer not null,
    register smallint not null,
    rank smallint not null,
    primary key (site, register)
) with (fillfactor = 70);

-- Ids (UUID version 7, so in order of time) of the batches that were committed in the last day.
create table batch (
    id uuid primary key
);

-- How far imported logs have been counted: the BLAKE3 digest of a log's first bytes, and how many they were.
create table checkpoint (
    site integer not null,
    digest bytea not null check (octet_length(digest) = 32),
    bytes bigint not null,
    primary key (site, digest)
);

-- Makes the partition of a bucket. Two instances that need it at once wait for each other instead of failing.
create function open_set(wanted integer) returns void language plpgsql as $$
begin
    if to_regclass('seen_' || wanted) is null then
        perform pg_advisory_xact_lock(hashtext('footfall'), 1);
        execute format('create table if not exists %I partition of seen for values in (%s)', 'seen_' || wanted, wanted);
    end if;
end
$$;

-- Drops the partition of a bucket, with all its fingerprints.
create function close_set(wanted integer) returns void language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtext('footfall'), 1);
    execute format('drop table if exists %I', 'seen_' || wanted);
end
$$;
