-- Numbers of quotes, orders and invoices: 1, 2, 3 … for each workspace, series and year, without a gap.
set lock_timeout = '5s';
set statement_timeout = '60s';

create table private.number_counters (
  workspace_id uuid not null references public.workspaces on delete cascade,
  series text not null check (series ~ '^[A-Z]{1,5}$'),
  year integer not null,
  last bigint not null check (last > 0),
  primary key (workspace_id, series, year)
);
comment on table private.number_counters is
  'The last number given. Its row is held until the change commits that takes one: undone, that change leaves no gap.';
comment on column private.number_counters.year is 'By the workspace''s own clock.';
alter table private.number_counters enable row level security;

create function private.number_text(_counter private.number_counters) returns text
language sql immutable
set search_path = ''
as $$
  select format('%s-%s-%s', _counter.series, _counter.year, lpad(
    _counter.last::text, greatest(5, char_length(_counter.last::text)), '0'))
$$;

create function private.next_number(_workspace uuid, _series text, _at timestamptz default now()) returns text
language sql
set search_path = ''
as $$
  insert into private.number_counters as c (workspace_id, series, year, last)
  select id, _series, extract(year from _at at time zone time_zone)::integer, 1
  from public.workspaces where id = _workspace
  on conflict (workspace_id, series, year) do update set last = c.last + 1
  returning private.number_text(c)
$$;
comment on function private.next_number is
  'Such as O-2026-00001. Call it late in a change: everybody else who wants one of the series waits for the commit.';

create function private.is_last_number(_workspace uuid, _series text, _number text) returns boolean
language sql stable
set search_path = ''
as $$
  select exists (
    select from private.number_counters as c
    where c.workspace_id = _workspace and c.series = _series and private.number_text(c) = _number)
$$;

revoke execute on function private.number_text, private.next_number, private.is_last_number
from public, anon, authenticated;
