-- The outbox: what is to happen outside the database, put down in the transaction of the change that wants it.
set lock_timeout = '5s';
set statement_timeout = '60s';

create table private.deliveries (
  id uuid primary key default gen_random_uuid(),
  topic text not null,
  attempt integer not null default 1,
  leased_until timestamptz not null,
  due_at timestamptz not null default now(),
  request text,
  created_at timestamptz not null default now()
);
comment on table private.deliveries is
  'One call to the outside, under way or with an unknown end. Tried again it holds the same rows and the same key, so '
  'that a provider that did take it the first time takes it no second time.';
comment on column private.deliveries.id is 'The provider''s idempotency key.';
comment on column private.deliveries.request is
  'Personal data, possibly: what is sent under that key, written down before it is sent the first time. Sent again it is '
  'the same to the byte, whatever was renamed or deployed in between: a provider takes another request for a mistake.';
comment on column private.deliveries.leased_until is 'From then on it belongs to a worker that died.';

create table private.outbox (
  id uuid primary key default gen_random_uuid(),
  position bigint generated always as identity,
  topic text not null check (topic ~ '^[a-z][a-z_]{0,39}$'),
  workspace_id uuid references public.workspaces on delete cascade,
  ordering_key text check (char_length(ordering_key) between 1 and 200),
  payload jsonb not null,
  alone boolean not null default false,
  request_id text check (char_length(request_id) <= 64),
  due_at timestamptz not null default now(),
  give_up_at timestamptz not null,
  delivery uuid references private.deliveries on delete set null,
  attempts integer not null default 0,
  state text not null default 'waiting' check (state in ('waiting', 'delivered', 'dead')),
  error text check (char_length(error) <= 100),
  receipt text check (char_length(receipt) <= 200),
  created_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  check ((state = 'waiting') = (ended_at is null)),
  check (state = 'waiting' or delivery is null)
);
comment on table private.outbox is 'What is to happen outside. A worker of the topic takes it; see private.lease_outbox.';
comment on column private.outbox.topic is 'Who delivers it.';
comment on column private.outbox.ordering_key is 'Rows of a topic with the same key are delivered one after another, in the order they were put: by a procedure that '
  'locks what the key names, for two transactions at once commit in any order. One that is due later holds up the next.';
comment on column private.outbox.payload is 'Personal data, possibly: what the topic''s worker needs, ids rather than copies.';
comment on column private.outbox.alone is 'Shares no delivery with others: the provider takes such only one at a time, or refused it among others.';
comment on column private.outbox.delivery is 'The call it is in; null where it is known to be in none.';
comment on column private.outbox.error is 'Why the last attempt failed: one of our codes, never a provider''s words.';
comment on column private.outbox.receipt is 'What the provider calls it.';

create table private.attempts (
  outbox_id uuid not null references private.outbox on delete cascade,
  delivery uuid not null,
  attempt integer not null,
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  outcome text,
  error text check (char_length(error) <= 100),
  primary key (outbox_id, delivery, attempt)
);
comment on table private.attempts is 'Each attempt at each row. One without an end is under way, or its worker died.';

alter table private.deliveries enable row level security;
alter table private.outbox enable row level security;
alter table private.attempts enable row level security;

create index deliveries_due on private.deliveries (topic, due_at);
create index outbox_due on private.outbox (topic, due_at, position) where state = 'waiting' and delivery is null;
create index outbox_in_order on private.outbox (topic, ordering_key, position) where state = 'waiting' and ordering_key is not null;
create index outbox_by_delivery on private.outbox (delivery) where delivery is not null;
create index outbox_by_workspace on private.outbox (workspace_id);
create index outbox_by_end on private.outbox (ended_at) where ended_at is not null;
create index attempts_by_delivery on private.attempts (delivery);
create index outbox_dead on private.outbox (topic) where state = 'dead';

insert into private.retention (relation, row_age, keep, reason) values
  ('private.outbox', 'ended_at', '90 days', 'so that one can see what became of a message, and try a dead one again');

create function private.enqueue(
  _topic text, _payload jsonb, _workspace uuid default null, _ordering_key text default null,
  _due_at timestamptz default now(), _alone boolean default false
) returns uuid
language sql
set search_path = ''
as $$
  insert into private.outbox (topic, payload, workspace_id, ordering_key, alone, request_id, due_at, give_up_at)
  values (
    _topic, _payload, _workspace, _ordering_key, _alone, left(private.header('x-request-id'), 64),
    coalesce(_due_at, now()), greatest(coalesce(_due_at, now()), now()) + interval '1 day')
  returning id
$$;
comment on function private.enqueue is 'Called by the procedure that makes the change, in its transaction: both happen or neither.';

create function private.outbox_wait(_attempts integer, _at_least_seconds double precision) returns interval
language sql volatile
set search_path = ''
as $$
  select make_interval(secs => greatest(
    case when _at_least_seconds between 0 and 86400 then _at_least_seconds else 0 end,
    least(3600, 5 * 2 ^ least(_attempts, 20)) * (0.5 + random() / 2)))
$$;
comment on function private.outbox_wait is
  'Doubling from 5 seconds to an hour, with jitter, or longer where the provider says so: up to a day.';

create function private.bury_deliveries(_topic text) returns void
language plpgsql
set search_path = ''
as $$
declare
  provider_remembers constant interval := '23 hours';
  buried uuid[];
begin
  with old as (
    select id from private.deliveries
    where topic = _topic and leased_until <= clock_timestamp() and created_at < clock_timestamp() - provider_remembers
    for update skip locked
  )
  select array_agg(id) into buried from old;
  update private.outbox set state = 'dead', error = 'outcome_unknown', delivery = null, ended_at = clock_timestamp()
  where delivery = any (buried);
  delete from private.deliveries where id = any (buried);
end
$$;
comment on function private.bury_deliveries is
  'What has an unknown end for so long that the provider could take another try for new: whether to try is a person''s to say.';

create function private.lease_outbox(_topic text, _most integer, _lease_seconds integer) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  lease_end timestamptz := clock_timestamp() + make_interval(secs => _lease_seconds);
  leased private.deliveries;
begin
  perform private.bury_deliveries(_topic);
  -- What was begun before comes first, whole: a call whose end nobody knows, or whose worker died.
  loop
    select * into leased from private.deliveries
    where topic = _topic and due_at <= clock_timestamp() and leased_until <= clock_timestamp()
    order by due_at limit 1
    for update skip locked;
    exit when not found or exists (select from private.outbox where delivery = leased.id);
    delete from private.deliveries where id = leased.id;  -- the provider has told by another way what became of it
  end loop;
  if leased.id is not null then
    update private.deliveries
    set attempt = attempt + 1, leased_until = lease_end, due_at = lease_end + private.outbox_wait(attempt, null)
    where id = leased.id
    returning * into leased;
    update private.outbox set attempts = attempts + 1 where delivery = leased.id;
  else
    -- Due again only a while after its lease, so that one which kills its workers holds nobody up.
    insert into private.deliveries (topic, leased_until, due_at)
    values (_topic, lease_end, lease_end + private.outbox_wait(0, null))
    returning * into leased;
    update private.outbox set delivery = leased.id, attempts = attempts + 1
    where id in (
      with next as (
        select id, alone, row_number() over (order by due_at, position) as place
        from (
          select id, alone, due_at, position from private.outbox as o
          where topic = _topic and state = 'waiting' and delivery is null and due_at <= clock_timestamp()
            and (ordering_key is null or not exists (
              select from private.outbox as earlier
              where earlier.topic = o.topic and earlier.ordering_key = o.ordering_key
                and earlier.state = 'waiting' and earlier.position < o.position))
          order by due_at, position limit _most
          for update skip locked) as due
      )
      select id from next
      where case when (select alone from next where place = 1) then place = 1 else not alone end);
    if not found then
      delete from private.deliveries where id = leased.id;
      return null;
    end if;
  end if;
  insert into private.attempts (outbox_id, delivery, attempt)
  select id, leased.id, leased.attempt from private.outbox where delivery = leased.id;
  return jsonb_build_object(
    'id', leased.id, 'attempt', leased.attempt, 'request', leased.request,
    'rows', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'id', id, 'workspace_id', workspace_id, 'payload', payload, 'attempts', attempts, 'request_id', request_id)
        order by position), '[]')
      from private.outbox where delivery = leased.id));
end
$$;
comment on function private.lease_outbox is
  'One delivery for a worker: its id, which attempt this is, and its rows; null where nothing is due. Rows of one '
  'ordering key never share a delivery, and none is leased while an earlier one waits.';

create function private.keep_request(_delivery uuid, _attempt integer, _request text) returns text
language sql security definer
set search_path = ''
as $$
  update private.deliveries set request = coalesce(request, _request)
  where id = _delivery and attempt = _attempt and leased_until > clock_timestamp()
  returning request
$$;
comment on function private.keep_request is
  'What is to be sent: what was written down already, else this. Null where the lease is lost: then nothing is.';

create function private.settle_outbox(_delivery uuid, _attempt integer, _outcomes jsonb) returns void
language plpgsql security definer
set search_path = ''
as $$
declare
  settled private.deliveries;
  known boolean;
begin
  -- Not ours any more, or settled by whoever took it over: they know as much as we do.
  select * into settled from private.deliveries where id = _delivery and attempt = _attempt for update;
  if not found then
    return;
  end if;
  -- That this attempt did nothing says nothing about an earlier one; and a delivery is tried again whole. But what is
  -- refused for what is in it was no better before.
  known := _attempt = 1 and not jsonb_path_exists(_outcomes, '$[*] ? (@.outcome == "unknown")');

  -- The outbox before the attempts, as a workspace's deletion locks them.
  perform from private.outbox where delivery = _delivery order by id for update;
  update private.attempts as a set ended_at = clock_timestamp(), outcome = told.outcome, error = left(told.error, 100)
  from jsonb_to_recordset(_outcomes) as told (id uuid, outcome text, error text)
  where a.outbox_id = told.id and a.delivery = _delivery and a.attempt = _attempt;

  update private.outbox as o
  set state = case
      when told.outcome = 'delivered' then 'delivered'
      when told.outcome = 'refused' or o.give_up_at <= clock_timestamp() then 'dead'
      else 'waiting' end,
    delivery = null,
    error = left(told.error, 100),
    receipt = coalesce(left(told.receipt, 200), o.receipt),
    ended_at = case
      when told.outcome in ('delivered', 'refused') or o.give_up_at <= clock_timestamp() then clock_timestamp() end,
    alone = o.alone or told.outcome = 'alone',
    due_at = case when told.outcome = 'again'
      then clock_timestamp() + private.outbox_wait(o.attempts, told.wait_seconds) else o.due_at end
  from jsonb_to_recordset(_outcomes) as told (id uuid, outcome text, error text, receipt text, wait_seconds double precision)
  where o.id = told.id and o.delivery = _delivery
    and (told.outcome in ('delivered', 'refused', 'alone') or (known and told.outcome = 'again'));

  update private.outbox as o
  set error = left(told.error, 100)
  from jsonb_to_recordset(_outcomes) as told (id uuid, error text)
  where o.id = told.id and o.delivery = _delivery;

  if exists (select from private.outbox where delivery = _delivery) then
    update private.deliveries
    set leased_until = clock_timestamp(),
      due_at = clock_timestamp() + private.outbox_wait(attempt, (
        select max(wait_seconds) from jsonb_to_recordset(_outcomes) as told (wait_seconds double precision)))
    where id = _delivery;
  else
    delete from private.deliveries where id = _delivery;
  end if;
end
$$;
comment on function private.settle_outbox is
  'What became of a delivery, row by row: delivered (with a receipt), refused (for good: dead), again (known not to have '
  'happened: tried in another delivery), alone (refused among others: at once and by itself), unknown (the same delivery again, and '
  'with it all of its rows that aren''t settled). Dead is also what isn''t delivered a day after it was due, and what was '
  'unknown for longer than a provider remembers a key.';

create function public.lease_outbox(topic text, most integer, lease_seconds integer) returns jsonb
language sql
set search_path = ''
as $$
  select private.lease_outbox(topic, most, lease_seconds)
$$;

create function public.keep_request(delivery uuid, attempt integer, request text) returns text
language sql
set search_path = ''
as $$
  select private.keep_request(delivery, attempt, request)
$$;

create function public.settle_outbox(delivery uuid, attempt integer, outcomes jsonb) returns void
language sql
set search_path = ''
as $$
  select private.settle_outbox(delivery, attempt, outcomes)
$$;

revoke execute on function
  private.enqueue, private.bury_deliveries, private.lease_outbox, private.outbox_wait, private.keep_request,
  private.settle_outbox, public.lease_outbox, public.keep_request, public.settle_outbox
from public, anon, authenticated;
grant execute on function
  private.lease_outbox, private.keep_request, private.settle_outbox,
  public.lease_outbox, public.keep_request, public.settle_outbox
to service_role;
