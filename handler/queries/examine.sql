-- Returns the facts that `handler doctor` checks: the role, its rights, the settings and the clock.
select
    current_setting('server_version') as "server_version!",
    current_user::text as "role!",
    current_database()::text as "database!",
    coalesce(current_schema()::text, '') as "schema!",
    (select rolsuper or rolcreaterole from pg_roles where rolname = current_user) as "is_powerful!",
    coalesce(has_schema_privilege(current_schema(), 'create'), false) as "may_create!",
    current_setting('synchronous_commit') as "synchronous_commit!",
    extract(epoch from clock_timestamp())::double precision as "clock_seconds!"
