-- Gives the app's identity a role that may use its own schema in its own database, and nothing else.
-- Run by psql in database postgres as an Entra administrator, any number of times. Variables: app_database, app_role,
-- app_principal (the identity's object id).
-- The container gets this text in an environment variable, where Kubernetes shortens two dollar signs to one. So put a tag
-- between the dollar signs of quotes.

\set QUIET on
set client_min_messages = notice;

-- 1. The role, tied to the identity by its object id.
select format('select pg_catalog.pgaadauth_create_principal_with_oid(%L, %L, %L, false, false)', :'app_role', :'app_principal', 'service')
where not exists (select from pg_roles where rolname = :'app_role') \gexec

-- If the identity was recreated under the same name, tie the role to the new identity.
select format('security label for "pgaadauth" on role %I is %L', :'app_role', 'aadauth,oid=' || :'app_principal' || ',type=service')
where not exists (
  select from pg_shseclabel label join pg_roles role on role.oid = label.objoid and label.classoid = 'pg_authid'::regclass
  where role.rolname = :'app_role' and label.label like '%oid=' || :'app_principal' || ',%'
) and exists (
  select from pg_shseclabel label join pg_roles role on role.oid = label.objoid and label.classoid = 'pg_authid'::regclass
  where role.rolname = :'app_role'
) \gexec

-- The app must never be an administrator.
select 'do $do$ begin raise exception ''the role of the app is an administrator; refusing to go on''; end $do$'
where exists (
  select from pg_roles role
  where role.rolname = :'app_role'
    and (role.rolsuper or role.rolcreaterole or role.rolcreatedb or exists (
      select from pg_auth_members member join pg_roles parent on parent.oid = member.roleid
      where member.member = role.oid and parent.rolname = 'azure_pg_admin'))
) \gexec

-- 2. The database. Only the app may connect.
select format('create database %I', :'app_database')
where not exists (select from pg_database where datname = :'app_database') \gexec
begin;
select format('revoke all on database %I from public', :'app_database') \gexec
select format('revoke all on database %I from %I', :'app_database', :'app_role') \gexec
select format('grant connect on database %I to %I', :'app_database', :'app_role') \gexec
commit;

\connect :"app_database"
set client_min_messages = notice;
select set_config('footfall.app_role', :'app_role', false), set_config('footfall.app_database', :'app_database', false) \g /dev/null

-- 3. The schema. The app owns it if the administrator may hand it over, which needs membership in the role. Otherwise the
-- administrator owns it, and the app may create tables in it. The app owns its tables in both cases.
revoke all on schema public from public;
create schema if not exists footfall;
do $do$
declare
  app name := current_setting('footfall.app_role');
begin
  begin
    execute format('grant %I to current_user', app);
    execute format('alter schema footfall owner to %I', app);
    raise notice 'schema footfall belongs to %', app;
  exception when insufficient_privilege then
    execute format('grant usage, create on schema footfall to %I', app);
    raise notice 'schema footfall belongs to %, and % may create in it', current_user, app;
  end;
  -- The administrator needs the membership for the handover only.
  begin
    execute format('revoke %I from current_user', app);
  exception when insufficient_privilege then
    raise notice 'membership in % could not be revoked', app;
  end;
end $do$;

-- 4. Unqualified names mean the app's schema. A setting of the database is enough; a setting of the role needs more rights.
select format('alter database %I set search_path = footfall', :'app_database') \gexec
do $do$
begin
  execute format('alter role %I set search_path = footfall', current_setting('footfall.app_role'));
exception when insufficient_privilege then
  raise notice 'search_path is set on the database only';
end $do$;

-- 5. The result, for the job's log.
select rolname as role, has_database_privilege(rolname, :'app_database', 'connect') as may_connect,
       has_database_privilege(rolname, :'app_database', 'create') as may_create_schemas,
       has_schema_privilege(rolname, 'footfall', 'create') as may_create_tables
from pg_roles where rolname = :'app_role';
