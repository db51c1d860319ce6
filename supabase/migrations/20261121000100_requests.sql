-- What every remote procedure shares: the private schema, the request's headers, and the two ways to end:
-- private.answer and private.refuse.
set lock_timeout = '5s';
set statement_timeout = '60s';

create schema private;
comment on schema private is 'Not exposed by the API: security definer functions and the tables only they touch.';
revoke all on schema private from public;
grant usage on schema private to authenticated, service_role;

-- Nothing is open that a migration doesn't name. For functions this holds only when it is said for all schemas; for
-- the rest, projects made before 2026-10-30 grant everything in public to everybody by default.
alter default privileges revoke execute on functions from public;
alter default privileges in schema public revoke all on tables from anon, authenticated, service_role;
alter default privileges in schema public revoke all on sequences from anon, authenticated, service_role;
alter default privileges in schema public revoke all on functions from anon, authenticated, service_role;

create function private.header(_name text) returns text
language sql stable
set search_path = ''
as $$
  select nullif(current_setting('request.headers', true), '')::jsonb ->> _name
$$;
comment on function private.header is 'A header of the HTTP request being served, by lower-case name; null outside one.';

create function private.normalise_email(_email text) returns text
language sql immutable
set search_path = ''
as $$
  select lower(btrim(_email))
$$;

revoke execute on function private.header, private.normalise_email from public, anon, authenticated;
