-- Orders: what was agreed (frozen), where it is in its workflow, and what was paid. Two states kept apart: people move
-- the one, money alone the other. The table of moves is data; the database refuses every other move, whoever makes it.
set lock_timeout = '5s';
set statement_timeout = '60s';

create function private.is_plain(_text text, _most integer, _lines boolean default false) returns boolean
language sql immutable
set search_path = ''
as $$
  select char_length(_text) between 1 and _most
    and (_lines or strpos(_text, e'\n') = 0)
    and _text !~ '[\u0001-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]'
    and _text ~ ('[^\u000a\u0020\u00a0\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u1680\u180e'
      '\u2000-\u200f\u202f\u205f-\u206f\u3000\ufeff\ufff9-\ufffb]')
$$;
comment on function private.is_plain is
  'A line, or with _lines several, that can be shown anywhere: something visible, no control characters, nothing that '
  'turns what is around it.';

create function private.are_order_lines(_lines jsonb) returns boolean
language sql immutable
set search_path = ''
as $$
  select case when jsonb_typeof(_lines) = 'array' then
    jsonb_array_length(_lines) between 1 and 200
    and not exists (
      select from jsonb_array_elements(_lines) as l(line)
      where (
        jsonb_typeof(line) = 'object'
        and line ->> 'kind' in ('item', 'fee')
        and private.is_plain(line ->> 'description', 120)
        and coalesce(private.is_plain(line ->> 'detail', 120), true)
        and coalesce(private.is_plain(line ->> 'unit', 20), true)
        and coalesce(line ->> 'quantity' ~ '^[0-9]{1,12}(\.[0-9]{1,6})?$', true)
        and coalesce(line ->> 'unit_price_minor' ~ '^-?[0-9]{1,15}$', true)
        and line ->> 'amount_minor' ~ '^-?[0-9]{1,15}$'
      ) is not true)
    and jsonb_path_exists(_lines, '$[*] ? (@.kind == "item")')
    and jsonb_array_length(jsonb_path_query_array(_lines, '$[*] ? (@.kind == "fee")')) <= 20
    end
$$;
comment on function private.are_order_lines is
  '[{kind: item or fee, description, detail?, quantity?, unit?, unit_price_minor?, amount_minor, …}], at least one item '
  'and at most 20 fees. '
  'What else a line holds is kept and shown to nobody.';

create function private.order_lines_total(_lines jsonb) returns numeric
language sql immutable
set search_path = ''
as $$
  select sum((line ->> 'amount_minor')::numeric) from jsonb_array_elements(_lines) as l(line)
$$;

create function private.is_order_tracking(_tracking jsonb) returns boolean
language sql immutable
set search_path = ''
as $$
  select case when jsonb_typeof(_tracking) = 'object' then
    _tracking - array['carrier', 'number', 'link'] = '{}'
    and private.is_plain(_tracking ->> 'carrier', 120)
    and private.is_plain(_tracking ->> 'number', 120)
    and coalesce(char_length(_tracking ->> 'link') <= 2000
      and _tracking ->> 'link' ~ '^https://[^[:space:][:cntrl:]"''<>\\/?#@]+([/?#][^[:space:][:cntrl:]"''<>\\]*)?$', true)
    end
$$;
comment on function private.is_order_tracking is '{carrier, number, link?}: a parcel on its way.';

create table public.orders (
  id uuid primary key default gen_random_uuid(),
  workspace_id uuid not null references public.workspaces on delete cascade,
  number text not null check (char_length(number) <= 40),
  quote_id uuid unique,
  buyer_id uuid references auth.users on delete set null,
  customer jsonb not null,
  summary text not null check (private.is_plain(summary, 200)),
  currency char(3) not null check (currency ~ '^[A-Z]{3}$'),
  lines jsonb not null check (private.are_order_lines(lines) is true),
  subtotal_minor bigint not null check (subtotal_minor >= 0),
  total_minor bigint not null check (total_minor > 0),
  deposit_minor bigint not null check (deposit_minor between 0 and total_minor),
  balance_minor bigint not null,
  terms jsonb not null default '{}' check (jsonb_typeof(terms) = 'object'),
  expected_on date check (expected_on between '2000-01-01' and '2199-12-31'),
  workflow_state text not null check (workflow_state in (
    'draft', 'awaiting_payment', 'in_production', 'quality_check', 'ready_to_ship', 'shipped', 'delivered', 'completed',
    'on_hold', 'cancelled')),
  held_from text,
  payment_state text not null default 'unpaid' check (payment_state in (
    'unpaid', 'deposit_paid', 'paid', 'partly_refunded', 'refunded')),
  received_minor bigint not null default 0 check (received_minor >= 0),
  refunded_minor bigint not null default 0 check (refunded_minor between 0 and received_minor),
  assigned_to uuid references auth.users on delete set null,
  tracking_token_hash bytea not null unique check (octet_length(tracking_token_hash) = 32),
  tracking jsonb check (tracking is null or private.is_order_tracking(tracking) is true),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  revision bigint not null default 1,
  unique (workspace_id, number),
  constraint deposit_and_balance_are_the_total check (deposit_minor + balance_minor = total_minor),
  constraint lines_add_up_to_the_total check (private.order_lines_total(lines) = total_minor),
  constraint held_from_a_state check ((workflow_state = 'on_hold') = (held_from is not null)),
  constraint customer_is_known check (
    jsonb_typeof(customer) = 'object' and customer - array['email', 'name', 'company', 'country'] = '{}'
    and not jsonb_path_exists(customer, '$.* ? (@.type() != "string")') and char_length(customer::text) <= 2000)
);
comment on table public.orders is
  'What was agreed, which stays as it was, and how far it has come. A trigger holds both, whoever changes a row.';
comment on column public.orders.buyer_id is 'Null for a guest: who has the tracking token follows the order.';
comment on column public.orders.customer is
  'Personal data: {email, name?, company?, country?}. May be forgotten, a part or all of it; never replaced.';
comment on column public.orders.lines is 'See private.are_order_lines. Together they are the total, fees and all.';
comment on column public.orders.subtotal_minor is 'The total before what is charged once, as the quote says it.';
comment on column public.orders.terms is
  'As agreed: {timeline: [{name, starts_on, ends_on}], tolerance, incoterm, excluded, …}.';
comment on column public.orders.summary is 'One line, such as "500 heavyweight hoodies".';
comment on column public.orders.held_from is 'Where an order on hold was, and goes on.';
comment on column public.orders.payment_state is 'Follows from the sums: see private.payment_state_of. A refund is never undone.';
comment on column public.orders.received_minor is 'All that was ever received; refunded_minor is what of it was given back.';
comment on column public.orders.assigned_to is 'Who makes it: a supplier or a factory.';
comment on column public.orders.tracking_token_hash is 'sha256 of what is told once, when the order is made.';
comment on column public.orders.tracking is 'See private.is_order_tracking.';

create table private.order_moves (
  from_state text not null,
  to_state text not null,
  by text not null check (by in ('all', 'own', 'assigned')),
  needs text check (needs in ('unpaid', 'deposit', 'paid')),
  primary key (from_state, to_state, by)
);
comment on table private.order_moves is 'The moves there are, and whose they are. What isn''t here can''t happen.';
comment on column private.order_moves.by is
  'The scope of orders.write that makes it: all (the workspace''s staff), own (the buyer), assigned (who makes it).';
comment on column private.order_moves.needs is 'What must have been paid, see private.payment_meets; null: nothing.';

insert into private.order_moves (from_state, to_state, by, needs) values
  ('draft', 'awaiting_payment', 'all', null),
  ('awaiting_payment', 'in_production', 'all', 'deposit'),
  ('awaiting_payment', 'in_production', 'assigned', 'deposit'),
  ('in_production', 'quality_check', 'all', null),
  ('in_production', 'quality_check', 'assigned', null),
  ('quality_check', 'in_production', 'all', 'deposit'),
  ('quality_check', 'in_production', 'assigned', 'deposit'),
  ('quality_check', 'ready_to_ship', 'all', null),
  ('quality_check', 'ready_to_ship', 'assigned', null),
  ('ready_to_ship', 'shipped', 'all', 'paid'),
  ('ready_to_ship', 'shipped', 'assigned', 'paid'),
  ('shipped', 'delivered', 'all', null),
  ('delivered', 'completed', 'all', null),
  ('delivered', 'completed', 'own', null),
  -- From hold an order goes back where it was: the trigger sees to that.
  ('awaiting_payment', 'on_hold', 'all', null),
  ('in_production', 'on_hold', 'all', null),
  ('quality_check', 'on_hold', 'all', null),
  ('ready_to_ship', 'on_hold', 'all', null),
  ('on_hold', 'awaiting_payment', 'all', null),
  ('on_hold', 'in_production', 'all', 'deposit'),
  ('on_hold', 'quality_check', 'all', null),
  ('on_hold', 'ready_to_ship', 'all', null),
  ('draft', 'cancelled', 'all', null),
  ('draft', 'cancelled', 'own', 'unpaid'),
  ('awaiting_payment', 'cancelled', 'all', null),
  ('awaiting_payment', 'cancelled', 'own', 'unpaid'),
  ('in_production', 'cancelled', 'all', null),
  ('quality_check', 'cancelled', 'all', null),
  ('ready_to_ship', 'cancelled', 'all', null),
  ('on_hold', 'cancelled', 'all', null);

create table private.order_history (
  order_id uuid not null references public.orders on delete cascade,
  position integer not null,
  at timestamptz not null default now(),
  actor uuid,
  kind text not null check (kind in ('workflow', 'payment')),
  from_state text,
  to_state text not null,
  reason text check (private.is_plain(reason, 500, true)),
  primary key (order_id, position)
);
comment on table private.order_history is 'Every state an order was in, of both kinds; append-only.';
comment on column private.order_history.actor is 'The person; null when the system acted. No foreign key: history outlives people.';
comment on column private.order_history.reason is 'Personal data, possibly: what the person said; the customer is told it.';

alter table public.orders enable row level security;
alter table private.order_moves enable row level security;
alter table private.order_history enable row level security;

create index orders_by_workspace on public.orders (workspace_id, created_at desc, id desc);
create index orders_by_workflow_state on public.orders (workspace_id, workflow_state, created_at desc, id desc);
create index orders_by_payment_state on public.orders (workspace_id, payment_state, created_at desc, id desc);
create index orders_by_buyer on public.orders (buyer_id, workspace_id, created_at desc, id desc);
create index orders_by_assignee on public.orders (assigned_to, workspace_id, created_at desc, id desc);

-- What the money makes of it ----------------------------------------------------------------------------------------

create function private.payment_state_of(_received bigint, _refunded bigint, _deposit bigint, _total bigint) returns text
language sql immutable
set search_path = ''
as $$
  select case
    when _refunded > 0 and _refunded >= _received then 'refunded'
    when _refunded > 0 then 'partly_refunded'
    when _received >= _total then 'paid'
    when _received > 0 and _received >= _deposit then 'deposit_paid'
    else 'unpaid' end
$$;

create function private.payment_meets(_order public.orders, _needs text) returns boolean
language sql immutable
set search_path = ''
as $$
  select case _needs
    when 'unpaid' then _order.received_minor = 0
    when 'deposit' then _order.payment_state <> 'refunded'
      and _order.received_minor - _order.refunded_minor >= _order.deposit_minor
    when 'paid' then _order.payment_state <> 'refunded'
      and _order.received_minor - _order.refunded_minor >= _order.total_minor
    else _needs is null end
$$;
comment on function private.payment_meets is
  'unpaid: nothing was ever received; deposit, paid: so much was received and not given back.';

-- The database itself -----------------------------------------------------------------------------------------------

create function private.guard_new_order() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if new.workflow_state not in ('draft', 'awaiting_payment') or new.payment_state <> 'unpaid' or new.received_minor <> 0
      or new.refunded_minor <> 0 or new.tracking is not null or new.assigned_to is not null
      or new.customer ->> 'email' is null then
    raise exception 'an order begins at the beginning' using errcode = 'BR004';
  end if;
  return new;
end
$$;

create function private.guard_order() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if (new.id, new.workspace_id, new.number, new.quote_id, new.summary, new.currency, new.lines, new.subtotal_minor,
      new.total_minor, new.deposit_minor, new.balance_minor, new.terms, new.tracking_token_hash, new.created_at)
    is distinct from
      (old.id, old.workspace_id, old.number, old.quote_id, old.summary, old.currency, old.lines, old.subtotal_minor,
      old.total_minor, old.deposit_minor, old.balance_minor, old.terms, old.tracking_token_hash, old.created_at)
      or (new.buyer_id is distinct from old.buyer_id and new.buyer_id is not null)
      or not new.customer <@ old.customer then
    raise exception 'what was agreed stays as it was' using errcode = 'BR004';
  elsif new.received_minor < old.received_minor or new.payment_state <> private.payment_state_of(
      new.received_minor, new.refunded_minor, old.deposit_minor, old.total_minor) then
    raise exception 'the payment state follows from what was received and refunded' using errcode = 'BR004';
  end if;

  if new.workflow_state = old.workflow_state then
    new.held_from := old.held_from;
  else
    if (old.workflow_state = 'on_hold' and new.workflow_state not in (old.held_from, 'cancelled'))
        or not exists (
          select from private.order_moves as m
          where m.from_state = old.workflow_state and m.to_state = new.workflow_state
            and private.payment_meets(new, m.needs)) then
      raise exception 'an order does not go from % to %', old.workflow_state, new.workflow_state using errcode = 'BR004';
    end if;
    new.held_from := case when new.workflow_state = 'on_hold' then old.workflow_state end;
  end if;
  new.updated_at := now();
  new.revision := old.revision + 1;
  return new;
end
$$;
comment on function private.guard_order is
  'For everybody, the owner of the table too: what was agreed is frozen, moves are those of private.order_moves, the '
  'payment state is what the sums make of it.';

create trigger orders_begin_at_the_beginning before insert on public.orders
for each row execute function private.guard_new_order();
create trigger orders_move_by_the_table before update on public.orders
for each row execute function private.guard_order();

create function private.guard_order_history() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  if tg_op = 'DELETE' and not exists (select from public.orders where id = old.order_id) then
    return old;  -- gone with its order
  end if;
  raise exception 'order_history is append-only' using errcode = '42501';
end
$$;

create trigger order_history_stays before update or delete on private.order_history
for each row execute function private.guard_order_history();
create trigger order_history_is_not_emptied before truncate on private.order_history
for each statement execute function private.refuse_rewriting();

-- Telling -----------------------------------------------------------------------------------------------------------

create function private.amount_json(_minor bigint, _currency text) returns jsonb
language sql immutable
set search_path = ''
as $$
  select case when _minor is not null then jsonb_build_object('amount_minor', _minor, 'currency', _currency) end
$$;

create function private.mail_line(_text text, _most integer default 120) returns text
language sql immutable
set search_path = ''
as $$
  select case when private.is_plain(l.line, _most) then l.line end
  from (select left(btrim(regexp_replace(
    _text, '[\u0001-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+', ' ', 'g')), _most)) as l(line)
$$;
comment on function private.mail_line is 'What people wrote, as a line that any mail takes; null where nothing is left.';

create function private.order_line_json(_line jsonb, _currency text, _priced boolean) returns jsonb
language sql immutable
set search_path = ''
as $$
  select jsonb_build_object(
    'kind', _line ->> 'kind', 'description', _line ->> 'description', 'detail', _line ->> 'detail',
    'quantity', _line ->> 'quantity', 'unit', _line ->> 'unit',
    'unit_price', case when _priced then private.amount_json((_line ->> 'unit_price_minor')::bigint, _currency) end,
    'amount', case when _priced then private.amount_json((_line ->> 'amount_minor')::bigint, _currency) end)
$$;

create function private.order_timeline(_order public.orders) returns jsonb
language sql immutable
set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'name', stage ->> 'name', 'starts_on', stage ->> 'starts_on', 'ends_on', stage ->> 'ends_on') order by position), '[]')
  from jsonb_array_elements(
    case when jsonb_typeof(_order.terms -> 'timeline') = 'array' then _order.terms -> 'timeline' else '[]' end)
    with ordinality as t(stage, position)
$$;

create function private.mail_order(_order public.orders, _template text, _data jsonb) returns void
language plpgsql
set search_path = ''
as $$
begin
  if _order.customer ->> 'email' is not null then  -- else the customer was forgotten
    perform private.queue_email(
      _order.workspace_id, _template, _order.customer ->> 'email',
      jsonb_strip_nulls(_data || jsonb_build_object(
        'number', _order.number, 'recipient_name', private.mail_line(_order.customer ->> 'name'))),
      'order ' || _order.id);
  end if;
end
$$;

create function private.note_order(
  _order uuid, _actor uuid, _kind text, _from text, _to text, _reason text default null) returns void
language sql
set search_path = ''
as $$
  insert into private.order_history (order_id, position, actor, kind, from_state, to_state, reason)
  select _order, coalesce(max(position), 0) + 1, _actor, _kind, _from, _to, _reason
  from private.order_history where order_id = _order
$$;
comment on function private.note_order is 'For whoever holds the order''s row: that puts the entries in one order.';

create function private.create_order(
  _workspace uuid, _quote uuid, _buyer uuid, _customer jsonb, _summary text, _currency text, _lines jsonb,
  _subtotal_minor bigint, _total_minor bigint, _deposit_minor bigint, _terms jsonb, _expected_on date,
  _tracking_token text
) returns public.orders
language plpgsql
set search_path = ''
as $$
declare
  made public.orders;
  actor uuid := coalesce(auth.uid(), _buyer);
begin
  if char_length(_tracking_token) < 22 then
    raise exception 'a tracking token has 128 bits at least' using errcode = '22023';
  end if;
  insert into public.orders (
    workspace_id, number, quote_id, buyer_id, customer, summary, currency, lines, subtotal_minor, total_minor,
    deposit_minor, balance_minor, terms, expected_on, workflow_state, tracking_token_hash)
  values (
    _workspace, private.next_number(_workspace, 'O'), _quote, _buyer, jsonb_strip_nulls(_customer), _summary, _currency,
    _lines, _subtotal_minor, _total_minor, _deposit_minor, _total_minor - _deposit_minor, coalesce(_terms, '{}'),
    _expected_on, 'awaiting_payment', sha256(convert_to(_tracking_token, 'UTF8')))
  returning * into made;
  perform private.note_order(made.id, actor, 'workflow', null, made.workflow_state);
  perform private.mail_order(made, 'order-confirmation', jsonb_build_object(
    'items', (
      select jsonb_agg(jsonb_strip_nulls(private.order_line_json(line, made.currency, true) - 'kind') order by position)
      from jsonb_array_elements(made.lines) with ordinality as l(line, position) where line ->> 'kind' = 'item'),
    'fees', (
      select coalesce(jsonb_agg(
        jsonb_build_object('description', line ->> 'description', 'amount', private.amount_json(
          (line ->> 'amount_minor')::bigint, made.currency)) order by position), '[]')
      from jsonb_array_elements(made.lines) with ordinality as l(line, position) where line ->> 'kind' = 'fee'),
    'subtotal', private.amount_json(made.subtotal_minor, made.currency),
    'total', private.amount_json(made.total_minor, made.currency),
    'due', private.amount_json(nullif(made.deposit_minor, 0), made.currency),
    'expected_on', made.expected_on));
  perform private.audit(_workspace, actor, 'order.created', made.id::text,
    jsonb_build_object('number', made.number, 'quote', _quote));
  return made;
end
$$;
comment on function private.create_order is
  'Called by what makes a quote an order, in its transaction. _tracking_token is told the customer and kept as a hash.';

create function private.record_payment(
  _order uuid, _received_minor bigint, _refunded_minor bigint, _actor uuid default null, _reason text default null,
  _came_back boolean default false
) returns public.orders
language plpgsql
set search_path = ''
as $$
declare
  before public.orders;
  after public.orders;
  received bigint;
  refunded bigint;
begin
  select * into strict before from public.orders where id = _order for update;
  -- News that comes late tells less than is known already: it takes nothing back.
  received := greatest(before.received_minor, _received_minor);
  refunded := case when _came_back then _refunded_minor else greatest(before.refunded_minor, _refunded_minor) end;
  if (received, refunded) = (before.received_minor, before.refunded_minor) then
    return before;
  end if;
  update public.orders as o
  set received_minor = received, refunded_minor = refunded,
    payment_state = private.payment_state_of(received, refunded, before.deposit_minor, before.total_minor)
  where o.id = _order
  returning o.* into after;
  if after.payment_state <> before.payment_state then
    perform private.note_order(_order, _actor, 'payment', before.payment_state, after.payment_state, _reason);
  end if;
  perform private.audit(after.workspace_id, _actor, 'order.payment', _order::text, jsonb_build_object(
    'received_minor', received, 'refunded_minor', refunded, 'state', after.payment_state));
  return after;
end
$$;
comment on function private.record_payment is
  'The one way to move payment_state. Takes the sums of all payments and refunds so far, not what was added: told again, '
  'or out of order, they come to the same. _came_back: a refund failed, its money is ours again. Fails where more is '
  'refunded than received.';

revoke execute on function
  private.is_plain, private.are_order_lines, private.order_lines_total, private.is_order_tracking,
  private.payment_state_of, private.payment_meets, private.guard_new_order, private.guard_order,
  private.guard_order_history, private.amount_json, private.mail_line, private.order_line_json, private.order_timeline, private.mail_order,
  private.note_order, private.create_order, private.record_payment
from public, anon, authenticated;

-- Reading -----------------------------------------------------------------------------------------------------------

-- What buyers, makers and staff may all know. Amounts, customers and who makes it are told by procedures, to each what
-- is theirs to know.
grant select (
  id, workspace_id, number, summary, expected_on, workflow_state, payment_state, tracking, created_at, updated_at, revision
) on public.orders to authenticated;
grant select on public.orders to service_role;

create policy "people see their orders, those they make, and a workspace's where they see all" on public.orders
  for select to authenticated
  using (
    workspace_id = any (array(select private.workspaces_permitting('orders.read')))
    or (buyer_id = (select auth.uid())
      and workspace_id = any (array(select private.workspaces_permitting('orders.read', 'own'))))
    or (assigned_to = (select auth.uid())
      and workspace_id = any (array(select private.workspaces_permitting('orders.read', 'assigned')))));
