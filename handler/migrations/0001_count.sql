-- Everything that Footfall stores. No table holds an address, a User-Agent or a raw event.
--
-- A day is the number of days since 1970-01-01. A period is the time for which fingerprints can be compared: a calendar month
-- (months since January of year 0) or, with FOOTFALL_FORGET=daily, a day. A day within its period counts from 1.

-- The counting mode of this database. After a change, visitors of the same day would count twice.
create table setting (
    only_row boolean primary key default true check (only_row),
    time_zone text not null,
    forget text not null check (forget in ('monthly', 'daily')),
    -- One instance does maintenance until this time; other instances skip it.
    maintained_until timestamptz
);

-- Counted sites. The salt belongs to the all-time estimate; the salt is null if the estimate is off.
create table site (
    id integer generated always as identity primary key,
    name text not null unique,
    salt bytea check (octet_length(salt) = 32),
    -- The all-time sum. Retention deletes days, but not this sum.
    pageviews bigint not null default 0,
    -- Raised with every change of the site's registers, so that readers fetch the registers only after a change.
    registers_revision bigint not null default 0
) with (fillfactor = 50);

-- The key of a site's fingerprints in one period. The salt is null after it was forgotten. The row stays, so that a period with
-- counted visitors never gets a second salt.
create table salt (
    site integer not null,
    period integer not null,
    salt bytea check (octet_length(salt) = 32),
    forget_after timestamptz not null,
    primary key (site, period)
);

-- The visitors of open periods, with each visitor's latest two days. The third is null without an earlier day, and 0 if the
-- earlier day is not kept. The third is a day only if visits arrived out of order.
create table seen (
    period integer not null,
    fingerprint bigint not null,
    latest smallint not null,
    second smallint,
    third smallint,
    primary key (period, fingerprint)
) partition by list (period);

-- Periods whose sets are being dropped. No batch may count into these periods.
create table ended_set (
    period integer primary key
);

-- Counters. `domain/dimension.rs` defines the dimensions. `visitors` is indexed by the gap since the visitor's previous day, in
-- this period or the previous period. The first element counts visitors without a previous day. Element g + 1 counts visitors
-- whose previous day was g days earlier. Every batch updates the same few rows; the free space keeps new row versions on the
-- same page.
create table tally (
    site integer not null,
    day integer not null,
    dimension smallint not null,
    value text collate "C" not null,
    pageviews bigint not null,
    visitors integer[] not null,
    primary key (site, day, dimension, value)
) with (fillfactor = 50);

-- How many values a network has added to a dimension of a site's day: `VALUES_A_NETWORK` in `domain/dimension.rs` is the limit.
-- The network is a hash under the key of the day. Maintenance deletes both after the day.
create table addition (
    site integer not null,
    day integer not null,
    dimension smallint not null,
    network bigint not null,
    added smallint not null check (added <= 20),
    primary key (site, day, dimension, network)
);
create table network_key (
    day integer primary key,
    key bytea not null check (octet_length(key) = 32)
);

-- All-time visitors: HyperLogLog registers, raised and never lowered.
create table register (
    site integer not null,
    register smallint not null,
    rank smallint not null,
    primary key (site, register)
) with (fillfactor = 70);

-- Views by minute of arrival (minutes since 1970-01-01T00:00Z), for the live view. Maintenance deletes a minute after an hour.
-- Every batch updates the row of the current minute.
create table minute (
    site integer not null,
    minute integer not null,
    pageviews bigint not null,
    primary key (site, minute)
) with (fillfactor = 50);

-- Random ids of batches. A sender that lost the response resends its batch, and the id identifies the resend.
create table batch (
    id uuid primary key,
    committed timestamptz not null default now()
);

-- The progress of log imports: the BLAKE3 digest of the counted prefix of a log, and its length in bytes.
create table checkpoint (
    site integer not null,
    digest bytea not null check (octet_length(digest) = 32),
    bytes bigint not null,
    primary key (site, digest)
);

-- Daily sums imported from another counter, by that counter's definition of a visitor. Footfall's own visits are never added here.
create table imported_tally (
    site integer not null,
    day integer not null,
    source text collate "C" not null,
    pageviews bigint not null,
    visitors bigint not null,
    primary key (site, day, source)
);

-- Without this, `analyze` copies keys and hashes into `pg_statistic`, where they would outlive their deletion.
alter table salt alter column salt set statistics 0;
alter table site alter column salt set statistics 0;
alter table seen alter column fingerprint set statistics 0;
alter table addition alter column network set statistics 0;
alter table network_key alter column key set statistics 0;

-- The rows of a batch, as the program sends them. The program encodes the attributes by position: a changed row needs a new type,
-- because the previous version of the program still sends the old one.
create type sent_site as (site integer, previous_is_open boolean, next_is_open boolean);
create type sent_visitor as (fingerprint bigint, cohort integer, previous bigint, next bigint, late_views integer);
create type sent_link as (cohort integer, counter integer, role smallint);
create type sent_counter as (site integer, dimension smallint, value text, pageviews bigint);
create type sent_register as (site integer, register smallint, rank smallint);
create type sent_checkpoint as (site integer, digest bytea, bytes bigint);
create type sent_minute as (site integer, minute integer, pageviews bigint);
create type sent_addition as (site integer, dimension smallint, network bigint, added smallint);

-- The clock that decides when a period has ended, so that all instances agree. Tests replace this function.
create function database_clock() returns timestamptz language sql volatile as 'select clock_timestamp()';

-- Creates the set of a period that has a salt. Batches and backups do not wait for the lock of `attach partition`; they would wait
-- for the lock of `create table … partition of`.
create function open_set(wanted integer) returns void language plpgsql as $$
begin
    if to_regclass('seen_' || wanted) is null then
        perform pg_advisory_xact_lock(hashtext('footfall'), 1);
        -- Query the catalog: `to_regclass` may return the cached result from before the wait.
        if not exists (
            select from pg_class where relname = 'seen_' || wanted and relnamespace = current_schema()::regnamespace
        ) then
            execute format('create table %I (like seen, primary key (period, fingerprint)) with (fillfactor = 90)', 'seen_' || wanted);
            execute format('alter table %I alter column fingerprint set statistics 0', 'seen_' || wanted);
            execute format('alter table seen attach partition %I for values in (%s)', 'seen_' || wanted, wanted);
        end if;
    end if;
end
$$;

-- Offers a salt for a site's period, and returns the valid salt: the first offer wins. Returns null if the period is closed.
-- A period is closed once its own salt, or the salt of a period within its reach, was forgotten. The visitors of the two periods
-- can no longer be compared then. A month reaches the previous and the next month (1); with daily forgetting a day reaches no
-- other day (0).
--
-- While a batch runs, the set of open periods must not change. Therefore a period opens between batches: the lock waits for
-- running batches and blocks new batches until this statement ends. Every batch writes to `seen`, so a lock on that table is
-- enough. A lock on the sets would wait for every vacuum.
--
-- An import also keeps the previous periods until `lease_until`. A nightly import of the previous day needs, on the first day of
-- a month, the month before last.
create function open_period(
    of_site integer, wanted integer, reach integer, offered bytea, keep_until timestamptz, lease_until timestamptz
) returns bytea
language plpgsql as $$
declare
    holding bytea;
begin
    if exists (select from salt where site = of_site and period between wanted - reach and wanted + reach and salt is null) then
        return null;
    end if;
    update salt
    set forget_after = greatest(forget_after, case when period = wanted then keep_until end, lease_until)
    where site = of_site and period between wanted - reach and wanted;
    select salt into holding from salt where site = of_site and period = wanted;
    if found then
        return holding;
    end if;
    lock table only seen in share row exclusive mode;
    if exists (select from ended_set where period = wanted) then
        return null;
    end if;
    insert into salt (site, period, salt, forget_after) values (of_site, wanted, offered, greatest(keep_until, lease_until))
    on conflict (site, period) do nothing;
    select salt into holding from salt where site = of_site and period = wanted;
    return holding;
end
$$;

-- Ends a period whose set is not needed any more. Returns false if a site still has a salt for the period. Afterwards no site can
-- open the period until its set was dropped. The lock is the lock of `open_period`, so no site is opening the period now.
create function end_set(ended integer) returns boolean language plpgsql as $$
begin
    -- New batches wait behind this lock request, so keep the wait short.
    perform set_config('lock_timeout', '100ms', true);
    lock table only seen in share row exclusive mode;
    if exists (select from salt where period = ended and salt is not null) then
        return false;
    end if;
    insert into ended_set (period) values (ended) on conflict do nothing;
    return true;
end
$$;
