-- What is stored, and nothing else: no address, no User-Agent, no raw event.
--
-- A day is the number of days since 1970-01-01. A period is the time for which fingerprints can be compared: a calendar month
-- (months since January of year 0) or, with FOOTFALL_FORGET=daily, a day. A day within its period counts from 1.

-- What all counts rest on. Changing it would make visitors of the same day different people.
create table setting (
    only_row boolean primary key default true check (only_row),
    time_zone text not null,
    forget text not null check (forget in ('monthly', 'daily')),
    -- Until then one instance does maintenance, and the others leave it alone.
    maintained_until timestamptz
);

-- Host names being counted. The salt is that of the all-time estimate; it is null if none is kept.
create table site (
    id integer generated always as identity primary key,
    name text not null unique,
    salt bytea check (octet_length(salt) = 32),
    -- Of all time. Days may be deleted after the retention; this sum stays.
    pageviews bigint not null default 0,
    -- Raised with every change of the site's registers, so that readers fetch them only when they must.
    registers_revision bigint not null default 0
) with (fillfactor = 50);

-- The key under which the visitors of a site are fingerprinted in one period. Null once it has been forgotten: the row stays,
-- so that nobody makes a second salt for a period whose visitors have been counted already.
create table salt (
    site integer not null,
    period integer not null,
    salt bytea check (octet_length(salt) = 32),
    forget_after timestamptz not null,
    primary key (site, period)
);

-- The visitors of open periods, with the latest two days on which each came. The third is null if there was no earlier day, 0
-- if there was one that is not kept, and a day only where visits arrived in another order than they happened.
create table seen (
    period integer not null,
    fingerprint bigint not null,
    latest smallint not null,
    second smallint,
    third smallint,
    primary key (period, fingerprint)
) partition by list (period);

-- Periods whose sets are being dropped: nobody may count into them.
create table ended_set (
    period integer primary key
);

-- Counters. What a dimension is, `visitor/dimension.rs` says. Visitors stand by their gap: how many came before, in this
-- period or the one before, and how many days before. The first element counts those who did not come before, element g + 1
-- those who last came g days before. The same few rows are raised by every batch: the free space keeps the new versions on
-- the same page.
create table tally (
    site integer not null,
    day integer not null,
    dimension smallint not null,
    value text collate "C" not null,
    pageviews bigint not null,
    visitors integer[] not null,
    primary key (site, day, dimension, value)
) with (fillfactor = 50);

-- All-time visitors: HyperLogLog registers, raised and never lowered.
create table register (
    site integer not null,
    register smallint not null,
    rank smallint not null,
    primary key (site, register)
) with (fillfactor = 70);

-- Views by the minute in which they arrived (minutes since 1970-01-01T00:00Z), for who wants to see what happens now. An hour later
-- they are deleted. The row of the current minute is raised by every batch.
create table minute (
    site integer not null,
    minute integer not null,
    pageviews bigint not null,
    primary key (site, minute)
) with (fillfactor = 50);

-- Random ids of batches whose outcome their sender may still have to ask for.
create table batch (
    id uuid primary key,
    committed timestamptz not null default now()
);

-- How far imported logs have been counted: the BLAKE3 digest of a log's first bytes, and how many they were.
create table checkpoint (
    site integer not null,
    digest bytea not null check (octet_length(digest) = 32),
    bytes bigint not null,
    primary key (site, digest)
);

-- What another counter had counted before, by its own definition of a visitor: sums of its days, which nothing else is added to.
-- Dimension 0 is the site as a whole.
create table imported_tally (
    site integer not null,
    dimension smallint not null,
    day integer not null,
    source text collate "C" not null,
    value text collate "C" not null,
    pageviews bigint not null,
    visitors bigint not null,
    primary key (site, dimension, day, source, value)
);

-- The one clock that decides when a period has ended, whatever an instance's clock shows. Tests put another one here.
create function database_clock() returns timestamptz language sql volatile as 'select clock_timestamp()';

-- Makes the set of a period that has a salt. Attaching a table takes no lock that a batch or a backup has to wait for; making it as a
-- partition at once would.
create function open_set(wanted integer) returns void language plpgsql as $$
begin
    if to_regclass('seen_' || wanted) is null then
        perform pg_advisory_xact_lock(hashtext('footfall'), 1);
        -- Not to_regclass again: it may answer what this session remembers from before it waited.
        if not exists (
            select from pg_class where relname = 'seen_' || wanted and relnamespace = current_schema()::regnamespace
        ) then
            execute format('create table %I (like seen, primary key (period, fingerprint)) with (fillfactor = 90)', 'seen_' || wanted);
            execute format('alter table seen attach partition %I for values in (%s)', 'seen_' || wanted, wanted);
        end if;
    end if;
end
$$;

-- Offers a salt for a site's period, and answers the one that holds: whoever came first wins. Null if the period is closed: its
-- salt has been forgotten, or that of a period within its reach has, whose visitors could no longer be told from those of this
-- one, even if it has been open until now. A month reaches to the months beside it (1), a day that is forgotten at its end to
-- none (0).
--
-- A batch relies on which periods beside its own are open while it runs. So a new one is opened between batches: the lock
-- waits for those that run and holds back the others until this statement has ended. Every batch writes to `seen`, so the lock on
-- that table alone is enough; on its sets it would wait for every vacuum.
--
-- An import keeps the periods before its own until `lease_until`, too: who imports each night the log of the day before needs, on
-- the first of a month, the month before the last.
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

-- Ends a period whose set nobody needs, and answers whether that is so. From here on no site can open it until the set has gone;
-- the lock is that of `open_period`, so that none is opening it now.
create function end_set(ended integer) returns boolean language plpgsql as $$
begin
    -- Batches that come now would wait behind this one.
    perform set_config('lock_timeout', '100ms', true);
    lock table only seen in share row exclusive mode;
    if exists (select from salt where period = ended and salt is not null) then
        return false;
    end if;
    insert into ended_set (period) values (ended) on conflict do nothing;
    return true;
end
$$;
