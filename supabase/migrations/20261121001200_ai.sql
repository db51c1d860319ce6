-- What asking an AI provider costs and may cost, and whether it is worth asking: exact over all instances.
set lock_timeout = '5s';
set statement_timeout = '60s';

create table private.ai_budgets (
  subject uuid primary key,
  daily_micro_usd bigint not null check (daily_micro_usd >= 0)
);
comment on table private.ai_budgets is 'Budgets other than the usual ones; 0 asks no provider at all.';
comment on column private.ai_budgets.subject is 'A workspace, or a person: theirs counts over all their workspaces.';

create table private.ai_spending (
  subject uuid not null,
  day date not null,
  micro_usd bigint not null default 0 check (micro_usd >= 0),
  primary key (subject, day)
);
comment on table private.ai_spending is
  'What settled calls cost, by workspace and by person. Its rows are the locks that make budgets exact.';
comment on column private.ai_spending.day is 'In UTC, for a workspace''s own time zone can be changed, and every change would begin a day.';

create table private.ai_calls (
  id uuid primary key default gen_random_uuid(),
  workspace_id uuid not null references public.workspaces on delete cascade,
  user_id uuid references auth.users on delete set null,
  capability text not null check (capability in ('seeing', 'reading', 'writing', 'hearing')),
  provider text not null check (char_length(provider) <= 40),
  model text not null check (char_length(model) <= 100),
  day date not null,
  reserved_micro_usd bigint not null check (reserved_micro_usd >= 0),
  leased_until timestamptz not null,
  outcome text check (char_length(outcome) <= 40),
  micro_usd bigint check (micro_usd >= 0),
  input_tokens integer check (input_tokens >= 0),
  output_tokens integer check (output_tokens >= 0),
  duration_ms integer check (duration_ms >= 0),
  created_at timestamptz not null default now(),
  check ((outcome is null) = (micro_usd is null))
);
comment on table private.ai_calls is 'Every call to a provider: what was set aside for it, and what it came to.';
comment on column private.ai_calls.outcome is 'Null while it is under way; answered, or why there was no answer.';
comment on column private.ai_calls.leased_until is 'From then on an unsettled call belongs to a process that died, and what it had set aside is free again.';

create table private.ai_breakers (
  provider text primary key check (char_length(provider) <= 40),
  failures integer not null check (failures >= 0),
  opened_until timestamptz,
  probe_until timestamptz
);
comment on table private.ai_breakers is
  'Circuit breakers. Closed while opened_until is null; then open until that time; then half-open: one probe at a time.';

alter table private.ai_budgets enable row level security;
alter table private.ai_spending enable row level security;
alter table private.ai_calls enable row level security;
alter table private.ai_breakers enable row level security;

create index ai_calls_under_way_by_workspace on private.ai_calls (workspace_id) where outcome is null;
create index ai_calls_under_way_by_person on private.ai_calls (user_id) where outcome is null;
create index ai_calls_by_workspace on private.ai_calls (workspace_id);
create index ai_calls_by_person on private.ai_calls (user_id);
create index ai_calls_by_age on private.ai_calls (created_at);

insert into private.retention (relation, row_age, keep, reason) values
  ('private.ai_calls', 'created_at', '2 years', 'costs are compared over two years'),
  ('private.ai_spending', 'day', '3 days', 'only today is counted against a budget');

create function private.budget_left(_subject uuid, _day date, _usual bigint) returns bigint
language plpgsql
set search_path = ''
as $$
declare
  daily bigint := coalesce((select daily_micro_usd from private.ai_budgets where subject = _subject), _usual);
  spent bigint;
begin
  if daily = 0 then
    return -1;  -- also too little for what costs nothing
  end if;
  insert into private.ai_spending (subject, day) values (_subject, _day) on conflict do nothing;
  select micro_usd into spent from private.ai_spending where subject = _subject and day = _day for update;
  return daily - spent - coalesce((
    select sum(reserved_micro_usd) from private.ai_calls
    where (workspace_id = _subject or user_id = _subject)
      and outcome is null and leased_until > clock_timestamp() and day = _day), 0);
end
$$;
comment on function private.budget_left is 'Of today, in micro-dollars. Holds the subject''s row to the end of the transaction.';

create function private.provider_admits(_provider text, _probe interval) returns boolean
language plpgsql
set search_path = ''
as $$
declare
  breaker private.ai_breakers;
begin
  select * into breaker from private.ai_breakers where provider = _provider;
  if breaker.opened_until is null then
    return true;
  end if;
  -- Half-open: whoever gets the row first is the probe, over all instances.
  update private.ai_breakers
  set probe_until = clock_timestamp() + _probe
  where provider = _provider
    and (opened_until is null or (opened_until <= clock_timestamp() and (probe_until is null or probe_until <= clock_timestamp())));
  return found;
end
$$;

create function private.reserve_ai_call(
  _caller uuid, _workspace uuid, _capability text, _provider text, _model text, _micro_usd bigint, _lease_seconds integer
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  usual_of_workspace constant bigint := 5000000;
  usual_of_person constant bigint := 1000000;
  today date := (clock_timestamp() at time zone 'UTC')::date;
  refused text;
  made uuid;
begin
  -- The workspace before the person, always: so no two calls wait for each other.
  if private.budget_left(_workspace, today, usual_of_workspace) < _micro_usd then
    refused := 'workspace_budget';
  elsif _caller is not null and private.budget_left(_caller, today, usual_of_person) < _micro_usd then
    refused := 'person_budget';
  end if;
  if refused is not null then
    return jsonb_build_object('refused', refused, 'resets_in_seconds', ceil(extract(epoch from
      (today + 1)::timestamp at time zone 'UTC' - clock_timestamp())));
  elsif not private.provider_admits(_provider, make_interval(secs => _lease_seconds)) then
    return jsonb_build_object('refused', 'circuit_open');
  end if;
  insert into private.ai_calls (
    workspace_id, user_id, capability, provider, model, day, reserved_micro_usd, leased_until)
  values (
    _workspace, _caller, _capability, _provider, _model, today, _micro_usd,
    clock_timestamp() + make_interval(secs => _lease_seconds))
  returning id into made;
  return jsonb_build_object('call', made);
end
$$;
comment on function private.reserve_ai_call is
  'Sets the most a call can cost aside. Usual budgets a day: 5 dollars for a workspace, 1 for a person. A guest is nobody
(null): the workspace alone pays.';

create function private.settle_ai_call(
  _call uuid, _outcome text, _healthy boolean, _micro_usd bigint, _input_tokens integer, _output_tokens integer, _duration_ms integer
) returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  failures_that_open constant integer := 5;
  stays_open constant interval := '30 seconds';
  settled private.ai_calls;
begin
  update private.ai_calls
  set outcome = _outcome, micro_usd = _micro_usd, input_tokens = _input_tokens, output_tokens = _output_tokens, duration_ms = _duration_ms
  where id = _call and outcome is null
  returning * into settled;
  if not found then
    return;
  end if;

  insert into private.ai_spending (subject, day, micro_usd) values (settled.workspace_id, settled.day, _micro_usd)
  on conflict (subject, day) do update set micro_usd = ai_spending.micro_usd + excluded.micro_usd;
  if settled.user_id is not null then
    insert into private.ai_spending (subject, day, micro_usd) values (settled.user_id, settled.day, _micro_usd)
    on conflict (subject, day) do update set micro_usd = ai_spending.micro_usd + excluded.micro_usd;
  end if;

  if _healthy then
    -- Written only where there is something to forget: each answer would else wait for the one row.
    update private.ai_breakers set failures = 0, opened_until = null, probe_until = null
    where provider = settled.provider and (failures > 0 or opened_until is not null);
  else
    insert into private.ai_breakers as b (provider, failures) values (settled.provider, 1)
    on conflict (provider) do update set
      failures = b.failures + 1,
      -- Answers to calls from before it opened don't hold it open; the probe's does.
      opened_until = case
        when b.opened_until is null and b.failures + 1 < failures_that_open then null
        when b.opened_until is null or b.probe_until is not null then clock_timestamp() + stays_open
        else b.opened_until end,
      probe_until = null;
  end if;
end
$$;
comment on function private.settle_ai_call is
  'What a call came to. Five failures in a row open the provider''s breaker for thirty seconds; a success closes it.';

create function public.reserve_ai_call(
  caller uuid, workspace_id uuid, capability text, provider text, model text, micro_usd bigint, lease_seconds integer
) returns jsonb
language sql
set search_path = ''
as $$
  select private.reserve_ai_call(caller, workspace_id, capability, provider, model, micro_usd, lease_seconds)
$$;

create function public.settle_ai_call(
  call uuid, outcome text, healthy boolean, micro_usd bigint, input_tokens integer, output_tokens integer, duration_ms integer
) returns void
language sql
set search_path = ''
as $$
  select private.settle_ai_call(call, outcome, healthy, micro_usd, input_tokens, output_tokens, duration_ms)
$$;

create function private.set_ai_budget(_subject uuid, _daily_micro_usd bigint) returns void
language sql security definer
set search_path = ''
as $$
  insert into private.ai_budgets (subject, daily_micro_usd) values (_subject, _daily_micro_usd)
  on conflict (subject) do update set daily_micro_usd = excluded.daily_micro_usd
$$;

create function public.set_ai_budget(subject uuid, daily_micro_usd bigint) returns void
language sql
set search_path = ''
as $$
  select private.set_ai_budget(subject, daily_micro_usd)
$$;
comment on function public.set_ai_budget is
  'For whoever pays the providers, not for a workspace''s owner: gives a workspace or a person another daily budget.';

revoke execute on function
  private.budget_left, private.provider_admits,
  private.reserve_ai_call, public.reserve_ai_call, private.settle_ai_call, public.settle_ai_call,
  private.set_ai_budget, public.set_ai_budget
from public, anon, authenticated;
grant execute on function
  private.reserve_ai_call, public.reserve_ai_call, private.settle_ai_call, public.settle_ai_call,
  private.set_ai_budget, public.set_ai_budget
to service_role;
