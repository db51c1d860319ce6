-- What the contract tests of the API need, beside the migrations' own.
drop table if exists public.contract_notes;
create table public.contract_notes (
  id bigint generated always as identity primary key,
  owner_id uuid not null default auth.uid(),
  body text not null check (body <> ''),
  label text unique,
  parent_id bigint references public.contract_notes,
  written_at timestamptz not null default now()
);
alter table public.contract_notes enable row level security;
grant select, insert on public.contract_notes to authenticated;
create policy "people read their own notes" on public.contract_notes
  for select to authenticated using (owner_id = (select auth.uid()));
create policy "people write their own notes" on public.contract_notes
  for insert to authenticated with check (owner_id = (select auth.uid()));

drop table if exists public.contract_ungranted;
create table public.contract_ungranted (id int);
alter table public.contract_ungranted enable row level security;
create policy "all, had they a grant" on public.contract_ungranted using (true);

create or replace function public.contract_raise(sqlstate_code text) returns void
language plpgsql as $$
begin
  raise exception 'said so' using errcode = sqlstate_code, detail = 'the detail', hint = 'the hint';
end
$$;

create or replace function public.contract_request() returns jsonb
language sql as $$
  select jsonb_build_object(
    'headers', current_setting('request.headers', true)::json,
    'method', current_setting('request.method', true),
    'path', current_setting('request.path', true),
    'role', current_user,
    'uid', auth.uid(),
    'email', auth.email(),
    'jwt', auth.jwt()
  )
$$;

create or replace function public.contract_kind(document jsonb) returns text
language sql as $$ select jsonb_typeof(document) $$;

create or replace function public.contract_echo(word text, seconds double precision default 0) returns text
language plpgsql as $$
begin
  perform pg_sleep(seconds);
  return word;
end
$$;


insert into storage.buckets (id, name, public)
values ('contract', 'contract', false), ('contract-public', 'contract-public', true)
on conflict (id) do nothing;
drop policy if exists "people use their own folder of contract" on storage.objects;
create policy "people use their own folder of contract" on storage.objects
  for all to authenticated
  using (bucket_id = 'contract' and (storage.foldername(name))[1] = (select auth.uid())::text)
  with check (bucket_id = 'contract' and (storage.foldername(name))[1] = (select auth.uid())::text);

create or replace function public.contract_price() returns numeric
language sql as $$ select 12.50 $$;

grant execute on function
  public.contract_raise(text),
  public.contract_request(),
  public.contract_kind(jsonb),
  public.contract_echo(text, double precision),
  public.contract_price()
to anon, authenticated, service_role;
