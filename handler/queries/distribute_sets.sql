-- Distributes the sets over the nodes of a Citus cluster, by fingerprint, with one shard a node. Existing rows move.
--
-- Citus copies the settings of a column to a set that is attached, but not to the sets of a table that is being distributed. So the
-- sets are detached meanwhile. Otherwise `analyze` on a node would copy fingerprints into its `pg_statistic`. Citus only hides the
-- copied rows of the coordinator, so they are deleted as well.
do $$
declare
    set_name text;
    set_period text;
    pending boolean;
    names text[] := '{}';
    periods text[] := '{}';
begin
    lock table seen in access exclusive mode;
    if (select shards from read_cluster()) > 0 then
        return;
    end if;
    for set_name, set_period, pending in
        select inhrelid::regclass::text, substring(relname from 6), inhdetachpending
        from pg_inherits
        join pg_class on pg_class.oid = inhrelid
        where inhparent = 'seen'::regclass
    loop
        -- Maintenance has ended a set whose detach is pending.
        if pending then
            execute format('alter table seen detach partition %s finalize', set_name);
        else
            execute format('alter table seen detach partition %s', set_name);
            names := names || set_name;
            periods := periods || set_period;
        end if;
    end loop;
    perform create_distributed_table(
        'seen', 'fingerprint', colocate_with => 'none', shard_count => (select nodes::integer from read_cluster())
    );
    for set_name, set_period in select * from unnest(names, periods) loop
        execute format('alter table seen attach partition %s for values in (%s)', set_name, set_period);
    end loop;
    perform truncate_local_data_after_distributing_table('seen');
end
$$
