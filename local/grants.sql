-- What hosted Supabase lets the roles do with its own schemas, once the gateway has made them.
grant usage on schema auth to anon, authenticated, service_role, postgres;
grant select, references, trigger, insert, update, delete on all tables in schema auth to postgres;
grant execute on all functions in schema auth to anon, authenticated, service_role, postgres;
-- Only an owner may drop a trigger.
alter table auth.users owner to postgres;

grant usage on schema storage to anon, authenticated, service_role, postgres;
grant all on storage.buckets, storage.objects to anon, authenticated, service_role, postgres;
grant execute on all functions in schema storage to anon, authenticated, service_role, postgres;
-- Only an owner may create policies.
alter table storage.buckets owner to postgres;
alter table storage.objects owner to postgres;

grant usage, create on schema supabase_migrations to postgres;
alter table supabase_migrations.schema_migrations owner to postgres;
alter table supabase_migrations.seed_files owner to postgres;
