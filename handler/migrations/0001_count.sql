-- Everything that Footfall stores. No table holds an address, a User-Agent or a raw event.
--
-- A day is the number of days since 1970-01-01. A period is the time for which fingerprints can be compared: a calendar month
-- (months since January of year 0) or, with FOOTFALL_FORGET=daily, a day. A day within its period counts from 1.

-- The counting mode of this database: see `adopt_mode`. After a change, visitors of the same day would count twice.
create table setting (
    only_row boolean primary key default true check (only_row),
    time_zone text not null,
    forget text not null check (forget in ('monthly', 'daily')),
    -- One instance does maintenance until this time; other instances skip it.
    maintained_until timestamptz
);

-- Counted sites. The salt belongs to the all-time estimate; the salt is null if the estimate is off. A forgotten site has no name, and
-- its row is deleted after all its other rows. The next visit of the name creates a site with another id.
create table site (
    id integer generated always as identity primary key,
    name text unique,
    salt bytea check (octet_length(salt) = 32)
);

-- A counter that every batch raises has a row in each of eight slots, and the sum of its rows counts. A batch raises only rows of
-- the first slot that no other batch has locked (`take_slot`). So instances that commit at the same time do not wait for each
-- other, and a single instance uses one slot.

-- The sums of a site over all time. Retention deletes days, but not these sums.
create table total (
    site integer not null,
    slot smallint not null,
    pageviews bigint not null,
    -- Raised with every change of the site's registers, so that readers fetch the registers only after a change.
    registers_revision bigint not null,
    primary key (site, slot)
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

-- Periods whose sets are being dropped. No batch may count into these periods. Every batch takes the lock of a writer of this table,
-- and a transaction that must exclude batches locks this table.
create table ended_set (
    period integer primary key
);

-- Counters. `domain/dimension.rs` defines the dimensions. `visitors` is indexed by the gap since the visitor's previous day, in
-- this period or the previous period. The first element counts visitors without a previous day. Element g + 1 counts visitors
-- whose previous day was g days earlier. A row of one slot can have negative elements. Every batch updates the same few rows; the
-- free space keeps new row versions on the same page.
create table tally (
    site integer not null,
    day integer not null,
    dimension smallint not null,
    value text collate "C" not null,
    pageviews bigint not null,
    visitors integer[] not null,
    slot smallint not null default 0,
    primary key (site, day, dimension, value, slot)
) with (fillfactor = 50);
-- Maintenance adds the rows of other slots to those of slot 0, once the day is over.
create index tally_of_other_slots on tally (day) where slot > 0;

-- The visitors of days that are not packed yet, by profile: of the site as a whole (dimension 0), and of values whose visitors have
-- fingerprints of their own. `visitors` is indexed as in `tally`. A day that is added late also moves visitors of a later day
-- to another gap. `visit_day` is the day that was added, whose classes decide how its rows are folded.
create table cell (
    site integer not null,
    visit_day integer not null,
    day integer not null,
    dimension smallint not null,
    value text collate "C" not null,
    profile text collate "C" not null,
    visitors integer[] not null,
    slot smallint not null,
    primary key (site, visit_day, day, dimension, value, profile, slot)
) with (fillfactor = 70);

-- The packed cells of days that are over: no class has fewer visitors than `FOOTFALL_SMALLEST_GROUP`. `moves` are the changes of later
-- days by visits of this day. The profiles of the site as a whole decide the classes of this and of later days, and are forgotten
-- with the salt of the period. `domain/cells` defines the packed forms.
create table pack (
    site integer not null,
    day integer not null,
    cells bytea,
    moves bytea,
    profiles bytea,
    primary key (site, day)
);
alter table pack
    alter column cells set storage external,
    alter column moves set storage external,
    alter column profiles set storage external;

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
-- Every batch updates a row of the current minute.
create table minute (
    site integer not null,
    minute integer not null,
    pageviews bigint not null,
    slot smallint not null default 0,
    primary key (site, minute, slot)
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

-- Pageviews of ended months, added up from the tallies of their days. A long list reads a row for each value and month instead of a
-- row for each value and day. The last day of the month identifies it.
create table rollup (
    site integer not null,
    last_day integer not null,
    dimension smallint not null,
    value text collate "C" not null,
    pageviews bigint not null,
    primary key (site, last_day, dimension, value)
);

-- Months whose sums are in `rollup`. Long after its end, only an import changes the counts of a month, and every import adds a
-- checkpoint. The sums are valid while the site has as many checkpoints as it had when they were made.
create table rolled_month (
    site integer not null,
    last_day integer not null,
    checkpoints bigint not null,
    primary key (site, last_day)
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

-- Notes of the owner about days, which the chart shows: `domain/statistics/annotation.rs` has their limits.
create table annotation (
    site integer not null,
    day integer not null,
    text text collate "C" not null,
    primary key (site, day, text)
);

-- Notices to the owner's address (`domain/notice.rs`), so that each is sent once. Site 0 stands for all sites. An attempt holds the row
-- until `held_until`.
create table notice (
    kind text not null,
    site integer not null,
    day integer not null,
    attempts smallint not null,
    held_until timestamptz not null,
    delivered boolean not null,
    primary key (kind, site, day)
);

-- Without this, `analyze` copies keys and hashes into `pg_statistic`, where they would outlive their deletion.
alter table salt alter column salt set statistics 0;
alter table site alter column salt set statistics 0;
alter table seen alter column fingerprint set statistics 0;
alter table addition alter column network set statistics 0;
alter table network_key alter column key set statistics 0;
alter table cell alter column profile set statistics 0;
alter table pack alter column profiles set statistics 0;

-- The clock that decides when a period has ended, so that all instances agree. Tests replace this function.
create function database_clock() returns timestamptz language sql volatile as 'select clock_timestamp()';

-- Whether the time zone is fixed: another site than the own one has been opened, or the own site has had a second visitor. The owner looks
-- at the own page before there are visits, so its first visitor fixes nothing. With daily forgetting, visitors of different days cannot be
-- compared.
create function has_fixed_zone(own_site text) returns boolean language sql stable as $$
    -- Not materialized, so that a few rows of a long history are enough.
    with own as not materialized (
        select visitors[1] as new_visitors
        from tally
        where site = (select id from site where name = own_site) and dimension = 0
    )
    select
        exists (select from site where name is distinct from own_site)
        or exists (select from own where new_visitors > 1)
        or (
            (select forget from setting) = 'monthly'
            and 1 < (select count(*) from (select from own where new_visitors > 0 limit 2) as counted)
        )
$$;

-- Stores the counting mode of a new database. If `replaces` is true, replaces the stored mode as far as it is not fixed. Views that were
-- counted before stay on their days.
create function adopt_mode(zone text, mode text, own_site text, replaces boolean) returns void language plpgsql as $$
begin
    insert into setting (time_zone, forget) values (zone, mode) on conflict do nothing;
    if replaces and not exists (select from setting where time_zone = zone and forget = mode) then
        -- Wait for transactions that open sites: see `open_keys`.
        perform from setting for update;
        update setting set time_zone = zone where time_zone <> zone and not has_fixed_zone(own_site);
        update setting set forget = mode where forget <> mode and not exists (select from tally);
    end if;
end
$$;

-- Takes the first slot that no other batch uses, until the end of the transaction. If all are used, returns one of them, and the
-- batch waits for rows of the other. An advisory lock writes nothing, unlike the lock of a row.
create function take_slot() returns smallint language plpgsql as $$
begin
    for number in 0..7 loop
        if pg_try_advisory_xact_lock(hashtext('footfall slot'), number) then
            return number;
        end if;
    end loop;
    return pg_backend_pid() % 8;
end
$$;

-- Creates the set of a period. Batches and backups do not wait for the lock of `attach partition`; they would wait for the lock of
-- `create table … partition of`.
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

-- Opens periods of sites, and offers a salt for each: the first offer wins. A period is closed once its own salt, or the salt of a
-- period within its reach, was forgotten. The visitors of the two periods can no longer be compared then. A month reaches the
-- previous and the next month (1); with daily forgetting a day reaches no other day (0).
--
-- While a batch runs, the set of open periods must not change. Therefore a period opens between batches: the lock waits for
-- running batches and blocks new batches until this transaction ends.
--
-- An import also keeps the previous periods until `lease_until`. A nightly import of the previous day needs, on the first day of
-- a month, the month before last.
create function open_periods(
    sites integer[], periods integer[], reach integer, offered bytea[], keep_until double precision[], lease_until double precision
) returns void
language plpgsql as $$
declare
    of_site integer[];
    of_period integer[];
begin
    update salt
    set forget_after = kept.until
    from (
        select held.site, held.period, max(greatest(
            case when held.period = wanted.period then to_timestamp(wanted.keep) end, to_timestamp(lease_until)
        )) as until
        from unnest(sites, periods, keep_until) as wanted (site, period, keep)
        join salt as held on held.site = wanted.site and held.period between wanted.period - reach and wanted.period
        where not exists (
            select from salt as closed
            where closed.site = wanted.site and closed.period between wanted.period - reach and wanted.period + reach
                and closed.salt is null
        )
        group by held.site, held.period
    ) as kept
    where salt.site = kept.site and salt.period = kept.period and salt.forget_after < kept.until;

    select array_agg(site), array_agg(period) into of_site, of_period
    from unnest(sites, periods) as wanted (site, period)
    where not exists (
            select from salt
            where salt.site = wanted.site and salt.period between wanted.period - reach and wanted.period + reach and salt.salt is null
        )
        and not exists (select from salt where salt.site = wanted.site and salt.period = wanted.period)
        and not exists (select from ended_set where ended_set.period = wanted.period);
    if of_site is null then
        return;
    end if;
    -- Create the sets first, so that batches wait only for the rows.
    perform open_set(period) from (select distinct unnest(of_period) as period) as missing;
    lock table only ended_set in share row exclusive mode;
    insert into salt (site, period, salt, forget_after)
    select wanted.site, wanted.period, wanted.offered, greatest(to_timestamp(wanted.keep), to_timestamp(lease_until))
    from unnest(sites, periods, offered, keep_until) as wanted (site, period, offered, keep)
    join unnest(of_site, of_period) as missing (site, period) on missing.site = wanted.site and missing.period = wanted.period
    where not exists (select from ended_set where ended_set.period = wanted.period)
    order by wanted.site, wanted.period
    on conflict (site, period) do nothing;
end
$$;

-- Returns the keys of days of sites, and creates what is missing. Fails if the time zone is not the sender's any more: its days would be
-- those of another zone. The arrays have an element for each day of a site:
--   site_salts     offered salts of the all-time estimate; null if the estimate is off
--   days           days, and offered keys of their networks; null if only the site is needed
--   periods        the periods of the days, offered salts, and the ends of the time in which their visitors are distinguished
--                  (Unix seconds); null if the day has no visitors to distinguish
-- The salts of a period, of the previous one and of the next one are null if it is not open.
create function open_keys(
    zone text, names text[], site_salts bytea[], days integer[], network_keys bytea[],
    periods integer[], reach integer, salts bytea[], keep_until double precision[], lease_until double precision
) returns table (place integer, site integer, site_salt bytea, network_key bytea, salt bytea, previous bytea, next bytea)
language plpgsql as $$
#variable_conflict use_column
declare
    sites integer[];
    needed_sites integer[];
    needed_periods integer[];
    needed_salts bytea[];
    needed_until double precision[];
begin
    -- The lock keeps the zone until this transaction has ended. The sender must lose its session, because the next one reports the
    -- difference.
    perform from setting where time_zone = zone for share;
    if not found then
        raise exception using errcode = 'connection_failure', message = 'the time zone was changed';
    end if;

    -- An update that changes nothing would still write a row.
    insert into site (name, salt)
    select distinct on (name) name, offered
    from unnest(names, site_salts) as wanted (name, offered)
    where not exists (select from site where site.name = wanted.name and (site.salt is not null or wanted.offered is null))
    order by name
    on conflict (name) do update set salt = coalesce(site.salt, excluded.salt);

    insert into network_key (day, key)
    select distinct on (day) day, offered
    from unnest(days, network_keys) as wanted (day, offered)
    where day is not null and not exists (select from network_key where network_key.day = wanted.day)
    order by day
    on conflict (day) do nothing;

    -- A site that was forgotten meanwhile has no id, and the other sites keep their places.
    select array_agg(site.id order by wanted.place) into sites
    from unnest(names) with ordinality as wanted (name, place)
    left join site on site.name = wanted.name;

    select array_agg(site), array_agg(period), array_agg(offered), array_agg(until)
    into needed_sites, needed_periods, needed_salts, needed_until
    from (
        select distinct on (site, period) site, period, offered, until
        from unnest(sites, periods, salts, keep_until) as wanted (site, period, offered, until)
        where site is not null and period is not null
    ) as needed;
    if needed_sites is not null then
        perform open_periods(needed_sites, needed_periods, reach, needed_salts, needed_until, lease_until);
    end if;

    return query
    select
        wanted.place::integer, wanted.site,
        (select site.salt from site where site.id = wanted.site),
        (select network_key.key from network_key where network_key.day = wanted.day),
        case when not exists (
            select from salt as closed
            where closed.site = wanted.site and closed.period between wanted.period - reach and wanted.period + reach
                and closed.salt is null
        ) then (select salt.salt from salt where salt.site = wanted.site and salt.period = wanted.period) end,
        case when reach > 0 then
            (select salt.salt from salt where salt.site = wanted.site and salt.period = wanted.period - 1)
        end,
        case when reach > 0 then
            (select salt.salt from salt where salt.site = wanted.site and salt.period = wanted.period + 1)
        end
    from unnest(sites, days, periods) with ordinality as wanted (site, day, period, place);
end
$$;

-- Ends a period whose set is not needed any more. Returns false if a site still has a salt for the period. Afterwards no site can
-- open the period until its set was dropped. The lock is the lock of `open_periods`, so no site is opening the period now.
create function end_set(ended integer) returns boolean language plpgsql as $$
begin
    -- New batches wait behind this lock request, so keep the wait short.
    perform set_config('lock_timeout', '100ms', true);
    lock table only ended_set in share row exclusive mode;
    if exists (select from salt where period = ended and salt is not null) then
        return false;
    end if;
    insert into ended_set (period) values (ended) on conflict do nothing;
    return true;
end
$$;

-- Drops an ended set. On Citus the set is still attached, and new batches wait behind this lock request, so keep the wait short.
create function drop_set(ended integer) returns void language plpgsql as $$
begin
    perform set_config('lock_timeout', '100ms', true);
    execute format('drop table %I', 'seen_' || ended);
end
$$;

-- Adds a day to the visitors of a period, and finds the previous and the next day of each visitor for whom the day is new. The
-- statement that calls it names no set, because a cluster distributes the sets.
--
-- Arguments: the fingerprints of the visitors in this period, sorted, each once. The same visitors under the salts of the previous and
-- of the next period, or null if no site has that period open. `may_be_late` is true if the day may be too late to be placed.
-- `adds` is false if an earlier attempt has added the day. Then only late visitors are found.
--
-- The result has a row for each visitor, with its place in the array.
--
-- The previous and the next day count from 1 in a period, which is given by its distance from this one. The day of a late visitor
-- cannot be placed any more, because a day to compare it with is not kept.
--
-- The insert returns the days that the row holds now, including a day that another instance has just written. The look-ups
-- in the previous and the next period rely on the lock of `open_periods`. A batch with an open next period also relies on the
-- lock that its sender takes first.
--
-- The planner does not know the length of the arrays, and a nested loop over two long arrays takes seconds. Citus plans a statement
-- only with its parameters, so the function does not follow the session, which asks for generic plans.
create function place(
    in_period integer, on_day smallint, fingerprints bigint[], previous bigint[], next bigint[], may_be_late boolean, adds boolean
) returns table (
    visitor integer, is_new boolean,
    previous_period integer, previous_day smallint, next_period integer, next_day smallint, is_late boolean
)
language plpgsql set enable_nestloop = off set plan_cache_mode = auto as $$
#variable_conflict use_column
declare
    -- The visitors whose day is written, and their days.
    written bigint[];
    latests smallint[];
    seconds smallint[];
    thirds smallint[];
    -- Visitors in the previous and in the next period, and their days.
    found bigint[];
    found_days smallint[];
    following bigint[];
    following_days smallint[];
    unplaceable bigint[];
    late bigint[];
begin
    if next is not null then
        -- A later last day in this period shortens the gap of the first day in the next period. If the first day is not kept any
        -- more, the visit is too late.
        select array_agg(fingerprint), array_agg(coalesce(second, latest)), array_agg(fingerprint) filter (where third is not null)
        into following, following_days, unplaceable
        from seen
        where period = in_period + 1 and fingerprint = any(next);
        if unplaceable is not null then
            select array_agg(sent.fingerprint) into unplaceable
            from unnest(fingerprints, next) as sent (fingerprint, next)
            left join (
                select fingerprint, latest from seen where period = in_period and fingerprint = any(fingerprints)
            ) as held on held.fingerprint = sent.fingerprint
            where sent.next = any(unplaceable) and coalesce(held.latest, 0) < on_day;
        end if;
    end if;

    if adds then
        with added as (
            insert into seen (period, fingerprint, latest)
            select in_period, fingerprint, on_day
            from unnest(fingerprints) as sent (fingerprint)
            where unplaceable is null or fingerprint <> all(unplaceable)
            on conflict (period, fingerprint) do update set
                latest = greatest(seen.latest, excluded.latest),
                second = case
                    when excluded.latest > seen.latest then seen.latest
                    when seen.second is null or excluded.latest > seen.second then excluded.latest
                    else seen.second
                end,
                third = case
                    when seen.second is null then null
                    when excluded.latest > seen.latest then 0
                    when excluded.latest > seen.second then seen.second
                    else excluded.latest
                end
            where excluded.latest > seen.latest
                or (excluded.latest <> seen.latest and (seen.second is null or excluded.latest > seen.second))
                or (excluded.latest < seen.second and seen.third is null)
            returning fingerprint, latest, second, third
        )
        select array_agg(fingerprint), array_agg(latest), array_agg(second), array_agg(third)
        into written, latests, seconds, thirds
        from added;
        if previous is not null and written is not null then
            select array_agg(fingerprint), array_agg(latest) into found, found_days
            from seen
            where period = in_period - 1 and fingerprint = any(previous);
        end if;
    end if;

    if may_be_late and coalesce(cardinality(written), 0) < cardinality(fingerprints) then
        -- Too late: the day was not written now and is not among the kept days. After a resend the result is the same: a day that
        -- the first attempt placed is among the kept days.
        select array_agg(fingerprint) into late
        from seen
        where period = in_period and fingerprint = any(fingerprints) and on_day < second and on_day is distinct from third
            and (written is null or fingerprint <> all(written));
        late := late || unplaceable;
    end if;

    return query
    select
        sent.place::integer,
        own.fingerprint is not null,
        case when own.previous_day is not null then 0 else -1 end,
        coalesce(own.previous_day, earlier.day),
        case when own.fingerprint is null or own.latest = on_day then 1 else 0 end,
        case
            when own.fingerprint is null then null
            when own.latest = on_day then later.day
            when own.second = on_day then own.latest
            else own.second
        end,
        lost.fingerprint is not null
    from unnest(fingerprints, previous, next) with ordinality as sent (fingerprint, previous, next, place)
    left join (
        select
            fingerprint, latest, second,
            case
                when latest = on_day then second
                when second = on_day then third
            end as previous_day
        from unnest(written, latests, seconds, thirds) as day (fingerprint, latest, second, third)
    ) as own on own.fingerprint = sent.fingerprint
    left join unnest(found, found_days) as earlier (fingerprint, day)
        on earlier.fingerprint = sent.previous and own.previous_day is null
    left join unnest(following, following_days) as later (fingerprint, day) on later.fingerprint = sent.next
    left join unnest(late) as lost (fingerprint) on lost.fingerprint = sent.fingerprint;
end
$$;

-- Adds the visitors of two rows by gap.
create function add_gaps(augend integer[], addend integer[]) returns integer[] language plpgsql immutable strict parallel safe as $$
begin
    if cardinality(augend) < cardinality(addend) then
        return add_gaps(addend, augend);
    end if;
    for gap in 1..cardinality(addend) loop
        augend[gap] := augend[gap] + addend[gap];
    end loop;
    return augend;
end
$$;

-- Adds visitors of one gap to an array by gap.
create function add_gap(visitors integer[], gap integer, number integer) returns integer[]
language plpgsql immutable strict parallel safe as $$
begin
    for hole in cardinality(visitors)..gap - 1 loop
        visitors[hole + 1] := 0;
    end loop;
    visitors[gap + 1] := coalesce(visitors[gap + 1], 0) + number;
    return visitors;
end
$$;

create aggregate visitors_by_gap(gap integer, number integer) (sfunc = add_gap, stype = integer[], initcond = '{}');
create aggregate sum_gaps(visitors integer[]) (sfunc = add_gaps, stype = integer[], initcond = '{}');

-- Returns how many nodes of a Citus cluster may hold a part of the sets, or null without the extension. Returns also how many parts
-- there are, or 0 if this server holds all sets. Citus's tables exist only with the extension; PL/pgSQL looks for a table when it
-- first reads it.
create function read_cluster(out nodes bigint, out shards bigint) language plpgsql stable as $$
begin
    shards := 0;
    if to_regclass('pg_catalog.pg_dist_node') is not null then
        select count(*) into nodes from pg_dist_node where noderole = 'primary' and isactive and shouldhaveshards;
        select count(*) into shards from pg_dist_shard where logicalrelid = 'seen'::regclass;
    end if;
end
$$;

-- Of some months of a site, the months whose sums in `rollup` are valid.
create function rolled_months(of_site integer, firsts integer[], lasts integer[]) returns table (first integer, last integer)
language sql stable as $$
    select month.first, month.last
    from unnest(firsts, lasts) as month (first, last)
    join rolled_month on rolled_month.site = of_site and rolled_month.last_day = month.last
    where rolled_month.checkpoints = (select count(*) from checkpoint where checkpoint.site = of_site)
$$;
