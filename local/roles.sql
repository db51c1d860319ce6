-- The roles and defaults that hosted Supabase has before the first migration. Runs at every start.
do $$
begin
  if to_regrole('postgres') is null then
    -- As hosted: the owner of everything the migrations make, but no superuser.
    create role postgres login createdb createrole bypassrls replication;
    create role anon nologin noinherit;
    create role authenticated nologin noinherit;
    create role service_role nologin noinherit bypassrls;
    grant anon, authenticated, service_role to postgres with admin option;
  end if;
end
$$;

alter database postgres owner to postgres;
create schema if not exists extensions authorization postgres;
grant usage on schema public, extensions to anon, authenticated, service_role;
