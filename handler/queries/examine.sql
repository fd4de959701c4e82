-- Returns the facts that `handler doctor` checks: the role, its rights, the settings and the clock.
select
    current_setting('server_version') as "server_version!",
    current_user::text as "role!",
    current_database()::text as "database!",
    coalesce(current_schema()::text, '') as "schema!",
    (select rolsuper or rolcreaterole from pg_roles where rolname = current_user) as "is_powerful!",
    coalesce(has_schema_privilege(current_schema(), 'create'), false) as "may_create!",
    current_setting('synchronous_commit') as "synchronous_commit!",
    -- A logged statement is logged with its parameters, among them salts and fingerprints.
    current_setting('log_parameter_max_length') <> '0'
        and (
            current_setting('log_statement') in ('mod', 'all')
            or current_setting('log_min_duration_statement') <> '-1'
            or current_setting('log_min_duration_sample') <> '-1'
            or current_setting('log_transaction_sample_rate') <> '0'
        ) as "logs_parameters!",
    extract(epoch from clock_timestamp())::double precision as "clock_seconds!"
