-- Payments: what was asked of Stripe, and what came of it. Stripe knows what happened; these tables are what we have read
-- there, in the order in which it was read, and an order's sums follow from them.
set lock_timeout = '5s';
set statement_timeout = '60s';

create table private.payment_currencies (
  currency char(3) primary key,
  least_minor bigint not null check (least_minor > 0),
  step_minor bigint not null default 1 check (step_minor > 0),
  stripe_units numeric not null default 1 check (stripe_units > 0)
);
comment on table private.payment_currencies is 'In which currencies we take payments, and which amounts Stripe takes.';
comment on column private.payment_currencies.least_minor is
  'In ISO 4217 minor units. As Stripe publishes it, else what safely exceeds its equivalent of 0.50 US dollars.';
comment on column private.payment_currencies.step_minor is 'Amounts are multiples of this: cards have two decimals at the most.';
comment on column private.payment_currencies.stripe_units is 'Stripe''s units for one minor unit: it counts some currencies otherwise than ISO 4217.';
alter table private.payment_currencies enable row level security;

insert into private.payment_currencies (currency, least_minor) values
  ('AED', 200), ('AUD', 50), ('BDT', 10000), ('BGN', 100), ('BRL', 50), ('CAD', 50), ('CHF', 50), ('CLP', 1000),
  ('CZK', 1500), ('DKK', 250), ('EUR', 50), ('GBP', 30), ('HKD', 400), ('HUF', 17500), ('ILS', 300), ('INR', 50),
  ('JPY', 50), ('KRW', 1000), ('MXN', 1000), ('MYR', 200), ('NOK', 300), ('NZD', 50), ('PHP', 5000), ('PLN', 200),
  ('RON', 200), ('SAR', 300), ('SEK', 300), ('SGD', 50), ('THB', 1000), ('TRY', 4000), ('USD', 50), ('VND', 20000),
  ('ZAR', 1500);
insert into private.payment_currencies (currency, least_minor, step_minor, stripe_units) values
  ('BHD', 300, 10, 1), ('JOD', 500, 10, 1), ('KWD', 300, 10, 1), ('OMR', 300, 10, 1), ('TND', 3000, 10, 1),
  ('ISK', 100, 1, 100), ('UGX', 3000, 1, 100), ('MGA', 400000, 100, 0.01);

create sequence private.stripe_readings;
comment on sequence private.stripe_readings is
  'A number taken before Stripe is asked: of two readings the one with the higher number knows all that the other knew '
  'when it began, so a lower one that comes later is let go. Stripe itself gives no order.';

create table private.payments (
  id uuid primary key default gen_random_uuid(),
  workspace_id uuid not null references public.workspaces on delete cascade,
  order_id uuid not null references public.orders on delete cascade,
  instalment text not null check (instalment in ('deposit', 'balance', 'full')),
  amount_minor bigint not null check (amount_minor > 0),
  currency char(3) not null references private.payment_currencies,
  stripe_id text unique check (stripe_id ~ '^pi_[0-9A-Za-z_]{1,90}$'),
  status text not null default 'creating' check (status in (
    'creating', 'requires_payment_method', 'requires_confirmation', 'requires_action', 'processing', 'succeeded',
    'canceled', 'abandoned')),
  received_minor bigint not null default 0 check (received_minor in (0, amount_minor)),
  refunded_minor bigint not null default 0 check (refunded_minor between 0 and received_minor),
  failure text check (failure ~ '^[a-z0-9_]{1,100}$'),
  failure_told boolean not null default false,
  reading bigint not null default 0,
  read_at timestamptz,
  created_by uuid references auth.users on delete set null,
  created_at timestamptz not null default now(),
  constraint received_when_succeeded check ((received_minor > 0) = (status = 'succeeded'))
);
comment on table private.payments is 'An instalment that somebody wants to pay: one PaymentIntent each, made with our id as idempotency key.';
comment on column private.payments.status is
  'Stripe''s own; creating while it hasn''t answered, abandoned when it is known to know nothing of it or to refuse it.';
comment on column private.payments.failure is 'Why the last attempt failed: Stripe''s code.';
comment on column private.payments.reading is 'See private.stripe_readings.';
alter table private.payments enable row level security;

create function private.is_open(_status text) returns boolean
language sql immutable
set search_path = ''
as $$
  select _status not in ('succeeded', 'canceled', 'abandoned')
$$;

-- Nobody can pay an order twice: there is one thing to pay.
create unique index payments_one_open on private.payments (order_id)
where status not in ('succeeded', 'canceled', 'abandoned');
create index payments_by_order on private.payments (order_id, created_at);
create index payments_by_workspace on private.payments (workspace_id);
create index payments_by_creator on private.payments (created_by);
create index payments_by_currency on private.payments (currency);
create index payments_by_reading on private.payments (read_at nulls first, created_at)
where status not in ('succeeded', 'canceled', 'abandoned');

create table private.refunds (
  id uuid primary key default gen_random_uuid(),
  payment_id uuid not null references private.payments on delete cascade,
  amount_minor bigint not null check (amount_minor > 0),
  reason text not null check (reason in ('duplicate', 'fraudulent', 'requested_by_customer')),
  status text not null default 'creating' check (status in (
    'creating', 'pending', 'requires_action', 'succeeded', 'failed', 'canceled', 'abandoned')),
  stripe_id text unique check (stripe_id ~ '^(re|pyr)_[0-9A-Za-z_]{1,90}$'),
  reading bigint not null default 0,
  requested_by uuid references auth.users on delete set null,
  idempotency_key text check (char_length(idempotency_key) between 1 and 255),
  created_at timestamptz not null default now(),
  unique (payment_id, requested_by, idempotency_key)
);
comment on table private.refunds is 'Made with our id as Stripe''s idempotency key. A request sent again finds its refund by its own key.';
alter table private.refunds enable row level security;
create index refunds_by_requester on private.refunds (requested_by);

create table private.disputes (
  id text primary key check (id ~ '^(dp|du)_[0-9A-Za-z_]{1,90}$'),
  payment_id uuid not null references private.payments on delete cascade,
  amount_minor bigint not null check (amount_minor >= 0),
  status text not null check (status ~ '^[a-z_]{1,40}$'),
  reason text not null check (reason ~ '^[a-z_]{1,60}$'),
  reading bigint not null,
  opened_at timestamptz not null
);
comment on table private.disputes is 'A payer''s bank wants money back. Whoever handles it does so at Stripe.';
alter table private.disputes enable row level security;
create index disputes_by_payment on private.disputes (payment_id);
create index disputes_undecided on private.disputes (status) where status not in ('won', 'lost', 'warning_closed');

create table private.stripe_events (
  id text primary key check (id ~ '^evt_[0-9A-Za-z_]{1,90}$'),
  type text not null check (type ~ '^[a-z0-9_.]{1,100}$'),
  created_at timestamptz not null,
  object_id text check (char_length(object_id) <= 100),
  payment_id uuid,
  outcome text not null check (outcome in (
    'applied', 'unchanged', 'late', 'mismatch', 'unknown', 'foreign', 'ignored')),
  received_at timestamptz not null default clock_timestamp()
);
comment on table private.stripe_events is
  'Every event that Stripe told and what it came to; append-only. Without what it tells about people: an event is a hint, '
  'the thing itself is read at Stripe.';
comment on column private.stripe_events.payment_id is 'No foreign key: events outlive their workspace.';
alter table private.stripe_events enable row level security;
create index stripe_events_by_payment on private.stripe_events (payment_id, received_at);
create trigger stripe_events_are_append_only
  before update or delete or truncate on private.stripe_events
  for each statement execute function private.refuse_rewriting();

create table private.payment_findings (
  stripe_id text not null check (char_length(stripe_id) <= 100),
  kind text not null check (kind in ('mismatch', 'unknown', 'unwanted', 'refund_failed', 'missing')),
  payment_id uuid,
  detail jsonb not null default '{}',
  found_at timestamptz not null default clock_timestamp(),
  seen_at timestamptz not null default clock_timestamp(),
  primary key (stripe_id, kind)
);
comment on table private.payment_findings is
  'What no program may put right. mismatch: another amount, currency, order or instalment than we asked for, not counted '
  'as paid; unknown: says it is ours, and isn''t; unwanted: paid for an order that is cancelled, or beyond its total; '
  'refund_failed: the customer doesn''t have it; missing: Stripe doesn''t know a payment that it did.';
alter table private.payment_findings enable row level security;
create index payment_findings_by_sight on private.payment_findings (seen_at);
insert into private.retention (relation, row_age, keep, reason) values
  ('private.payment_findings', 'seen_at', '400 days', 'until the year that they belong to is closed');

create function private.find_payment(_stripe_id text, _kind text, _payment uuid, _detail jsonb) returns void
language sql
set search_path = ''
as $$
  insert into private.payment_findings as f (stripe_id, kind, payment_id, detail)
  values (_stripe_id, _kind, _payment, _detail)
  on conflict (stripe_id, kind) do update set seen_at = clock_timestamp(), detail = excluded.detail
$$;

-- Reading Stripe ----------------------------------------------------------------------------------------------------

create function private.told_id(_told text) returns uuid
language sql immutable
set search_path = ''
as $$
  select case when _told ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then _told::uuid end
$$;
comment on function private.told_id is 'Our id out of metadata; null for what is none.';

create function private.payment_differences(_payment private.payments, _intent jsonb) returns jsonb
language sql stable
set search_path = ''
as $$
  select coalesce(jsonb_object_agg(d.name, jsonb_build_array(d.ours, d.theirs)), '{}')
  from private.payment_currencies as c
  cross join lateral (values
    ('id', _payment.stripe_id, case when _payment.stripe_id is not null then _intent ->> 'id' end),
    ('order', _payment.order_id::text, _intent -> 'metadata' ->> 'order'),
    ('instalment', _payment.instalment, _intent -> 'metadata' ->> 'instalment'),
    ('currency', lower(_payment.currency), _intent ->> 'currency'),
    ('amount', trim_scale(_payment.amount_minor * c.stripe_units)::text, _intent ->> 'amount'),
    ('amount_received', case when _intent ->> 'status' = 'succeeded'
      then trim_scale(_payment.amount_minor * c.stripe_units)::text end,
      case when _intent ->> 'status' = 'succeeded' then _intent ->> 'amount_received' end)
  ) as d (name, ours, theirs)
  where c.currency = _payment.currency and d.ours is distinct from d.theirs
$$;
comment on function private.payment_differences is 'What an intent has otherwise than what we asked for: {name: [ours, Stripe''s]}.';

create function private.tell_payment(_order public.orders, _before private.payments, _now private.payments, _intent jsonb)
returns void
language plpgsql
set search_path = ''
as $$
declare
  about jsonb := jsonb_build_object(
    'amount', private.amount_json(_now.amount_minor, _now.currency), 'payment_type', _now.instalment,
    'method', private.mail_line(_intent ->> 'method'));
begin
  if _now.status = 'succeeded' and _before.status <> 'succeeded' then
    perform private.mail_order(_order, 'payment-received', about || jsonb_build_object(
      'paid_on', (select (now() at time zone time_zone)::date from public.workspaces where id = _order.workspace_id),
      'remaining', private.amount_json(
        nullif(greatest(_order.total_minor - _order.received_minor + _order.refunded_minor, 0), 0), _order.currency)));
  elsif _now.failure_told and not _before.failure_told then
    perform private.mail_order(_order, 'payment-failed', about || jsonb_build_object(
      'reason', private.mail_line(_intent ->> 'failure_message', 200)));
  end if;
end
$$;

create function private.apply_intent(
  _reading bigint, _intent jsonb, _environment text, out outcome text, out payment_id uuid
)
language plpgsql
set search_path = ''
as $$
declare
  told constant uuid := private.told_id(_intent -> 'metadata' ->> 'payment');
  units numeric;
  paid public.orders;
  before private.payments;
  after private.payments;
  differences jsonb;
begin
  outcome := 'foreign';
  if _intent -> 'metadata' ->> 'environment' is distinct from _environment then
    return;
  end if;
  payment_id := told;
  -- The order first, as whoever starts a payment locks them.
  select o.* into paid from public.orders as o
  where o.id = (select p.order_id from private.payments as p where p.id = told) for update;
  select p.* into before from private.payments as p where p.id = told for update;
  if before.id is null then
    outcome := 'unknown';
    perform private.find_payment(_intent ->> 'id', 'unknown', payment_id, jsonb_build_object('status', _intent ->> 'status'));
    return;
  end if;
  differences := private.payment_differences(before, _intent);
  -- Of one that is cancelled nobody pays anything, however it was changed: it is in nobody's way.
  if differences <> '{}' and (_intent ->> 'status' <> 'canceled' or before.stripe_id is distinct from _intent ->> 'id') then
    outcome := 'mismatch';
    perform private.find_payment(_intent ->> 'id', 'mismatch', payment_id, differences);
    update private.payments as p set read_at = clock_timestamp() where p.id = before.id;
    return;
  elsif _reading <= before.reading and before.stripe_id is not null
      -- An end is one whenever its number was taken: who cancels takes theirs before.
      and (private.is_open(_intent ->> 'status') or not private.is_open(before.status)) then
    outcome := 'late';
    return;
  end if;

  select c.stripe_units into units from private.payment_currencies as c where c.currency = before.currency;
  update private.payments as p
  set stripe_id = _intent ->> 'id', reading = greatest(_reading, p.reading), read_at = clock_timestamp(),
    status = told_now.status,
    received_minor = case when told_now.status = 'succeeded' then p.amount_minor else 0 end,
    refunded_minor = case when told_now.status = 'succeeded' then ((_intent ->> 'amount_refunded')::bigint / units)::bigint else 0 end,
    failure = case when told_now.status = 'requires_payment_method' then _intent ->> 'failure' end,
    failure_told = p.failure_told or (told_now.status = 'requires_payment_method' and _intent ->> 'failure' is not null)
  from (
    select case
      -- What has ended has ended, and what was given up stays so unless somebody has paid it all the same.
      when p.status in ('succeeded', 'canceled') then p.status
      when p.status = 'abandoned' and private.is_open(_intent ->> 'status') then p.status
      else _intent ->> 'status' end as status
    from private.payments as p where p.id = before.id) as told_now
  where p.id = before.id
  returning p.* into after;
  if (after.status, after.received_minor, after.refunded_minor, after.failure)
      is not distinct from (before.status, before.received_minor, before.refunded_minor, before.failure) then
    outcome := 'unchanged';
    return;
  end if;
  outcome := 'applied';
  -- The counter of mails before the audit's chain, as all others lock them.
  perform private.take_email_units(paid.workspace_id, 0);
  select r.* into paid
  from (
    select sum(p.received_minor)::bigint as received, sum(p.refunded_minor)::bigint as refunded
    from private.payments as p where p.order_id = paid.id) as sums
  cross join lateral private.record_payment(
    paid.id, sums.received, sums.refunded, _came_back => after.refunded_minor < before.refunded_minor) as r;
  if after.status = 'succeeded' and before.status <> 'succeeded'
      and (paid.workflow_state = 'cancelled' or paid.received_minor - paid.refunded_minor > paid.total_minor) then
    perform private.find_payment(after.stripe_id, 'unwanted', after.id, jsonb_build_object('order', paid.id));
  end if;
  perform private.tell_payment(paid, before, after, _intent);
end
$$;
comment on function private.apply_intent is
  'Takes over what was read of a PaymentIntent: {id, amount, currency, status, amount_received, amount_refunded, metadata, '
  'failure?, failure_message?, method?}, amounts in Stripe''s units. Nothing that was not asked for is counted as paid.';

create function private.apply_refund(_reading bigint, _refund jsonb, _payment uuid) returns text
language plpgsql
set search_path = ''
as $$
declare
  told constant uuid := private.told_id(_refund -> 'metadata' ->> 'refund');
  before private.refunds;
begin
  if told is null then
    return 'unchanged';  -- made at Stripe by hand: its sum is in the intent
  end if;
  select * into before from private.refunds where id = told and payment_id = _payment for update;
  if before.id is null or (_reading <= before.reading and before.stripe_id is not null) then
    return 'late';
  end if;
  update private.refunds set stripe_id = _refund ->> 'id', status = _refund ->> 'status', reading = greatest(_reading, reading)
  where id = before.id;
  if _refund ->> 'status' in ('failed', 'canceled') and before.status not in ('failed', 'canceled') then
    perform private.find_payment(_refund ->> 'id', 'refund_failed', before.payment_id, '{}');
  end if;
  return case when before.status = _refund ->> 'status' then 'unchanged' else 'applied' end;
end
$$;

create function private.apply_dispute(_reading bigint, _dispute jsonb, _payment uuid) returns text
language plpgsql
set search_path = ''
as $$
declare
  after private.disputes;
begin
  insert into private.disputes as d (id, payment_id, amount_minor, status, reason, reading, opened_at)
  select _dispute ->> 'id', p.id, ((_dispute ->> 'amount')::bigint / c.stripe_units)::bigint, _dispute ->> 'status',
    _dispute ->> 'reason', _reading, to_timestamp((_dispute ->> 'created')::bigint)
  from private.payments as p
  join private.payment_currencies as c using (currency)
  where p.id = _payment
  on conflict (id) do update
  set status = excluded.status, amount_minor = excluded.amount_minor, reading = excluded.reading
  where d.reading < excluded.reading and d.status not in ('won', 'lost')
  returning * into after;
  return case when after.id is null then 'late' else 'applied' end;
end
$$;

create function private.record_reading(_reading bigint, _read jsonb, _environment text, out outcome text, out payment_id uuid)
language plpgsql
set search_path = ''
as $$
declare
  more text;
begin
  select a.outcome, a.payment_id into outcome, payment_id
  from private.apply_intent(_reading, _read -> 'intent', _environment) as a;
  if outcome in ('foreign', 'unknown') then
    return;
  end if;
  more := case
    when _read -> 'refund' <> 'null' then private.apply_refund(_reading, _read -> 'refund', payment_id)
    when _read -> 'dispute' <> 'null' then private.apply_dispute(_reading, _read -> 'dispute', payment_id) end;
  if more = 'applied' and outcome <> 'mismatch' then
    outcome := more;
  end if;
end
$$;
comment on function private.record_reading is 'What was read at once: {intent, refund?, dispute?}.';

revoke execute on function
  private.is_open, private.find_payment, private.told_id, private.payment_differences, private.tell_payment, private.apply_intent,
  private.apply_refund, private.apply_dispute, private.record_reading
from public, anon, authenticated;
