-- Returns what the server knows of its cluster. The interval is null if the server has not loaded Citus.
select
    nodes,
    shards as "shards!",
    extract(epoch from current_setting('citus.recover_2pc_interval', true)::interval)::double precision as "recovery_seconds?"
from read_cluster()
