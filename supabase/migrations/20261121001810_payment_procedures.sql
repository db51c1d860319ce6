-- What people do with payments, and what our functions write down between asking Stripe and answering.
set lock_timeout = '5s';
set statement_timeout = '60s';

-- How long Stripe remembers an idempotency key: 24 hours. Later the same key would make another intent.
create function private.key_remembered(_since timestamptz) returns boolean
language sql stable
set search_path = ''
as $$
  select _since > now() - interval '23 hours'
$$;

create function private.payment_refusal(_order uuid, _token text, _permission text) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  found_order public.orders;
  refusal jsonb;
begin
  select * into found_order from public.orders where id = _order for update;
  -- A guest's order is its token-holder's, signed in or not. Who ordered with an account signs in.
  if found_order.buyer_id is null and found_order.tracking_token_hash = sha256(convert_to(_token, 'UTF8')) then
    return null;
  elsif auth.uid() is null then
    return private.not_found();
  end if;
  refusal := coalesce(private.order_refusal(found_order, _order), private.refusal(found_order.workspace_id, _permission));
  if refusal is null and coalesce(private.order_scope(found_order, _permission), 'none') not in ('all', 'own') then
    perform private.audit_denial(found_order.workspace_id, auth.uid(), _order::text, jsonb_build_object('permission', _permission));
    refusal := private.refuse(403, 'permission_denied', 'Your role in this workspace does not permit this.');
  end if;
  return refusal;
end
$$;
comment on function private.payment_refusal is
  'Null for whoever may do this with an order''s payments, a person by permission, a guest by token; the order is locked then.';

create function private.payment_json(_payment private.payments) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'payment_intent_id', _payment.stripe_id, 'order_id', _payment.order_id, 'instalment', _payment.instalment,
    'amount_minor', _payment.amount_minor, 'currency', _payment.currency, 'status', _payment.status,
    'received_minor', _payment.received_minor, 'refunded_minor', _payment.refunded_minor, 'failure', _payment.failure,
    'created_at', private.rfc3339(_payment.created_at))
$$;

create function private.payment_to_ask(_payment private.payments) returns jsonb
language sql
set search_path = ''
as $$
  select jsonb_build_object(
    'payment', _payment.id, 'stripe_id', _payment.stripe_id, 'status', _payment.status, 'order', _payment.order_id, 'instalment', _payment.instalment,
    'amount', (_payment.amount_minor * c.stripe_units)::bigint, 'currency', lower(_payment.currency),
    'description', o.number || ', ' || _payment.instalment,
    'since', extract(epoch from _payment.created_at)::bigint,
    'key_remembered', private.key_remembered(_payment.created_at),
    'reading', nextval('private.stripe_readings'))
  from private.payment_currencies as c, public.orders as o
  where c.currency = _payment.currency and o.id = _payment.order_id
$$;
comment on function private.payment_to_ask is 'All that Stripe is asked with: the same each time, for its idempotency compares it.';

create function private.deposit_amount(_order public.orders) returns bigint
language sql stable
set search_path = ''
as $$
  select least(_order.total_minor, ceil(_order.deposit_minor::numeric / step.minor)::bigint * step.minor)
  from (select coalesce((
    select step_minor from private.payment_currencies where currency = _order.currency), 1) as minor) as step
$$;
comment on function private.deposit_amount is 'The order''s deposit, upwards to what can be paid by card.';

create function private.instalment_amount(_order public.orders, _instalment text, out amount bigint, out refusal jsonb)
language plpgsql stable
set search_path = ''
as $$
declare
  takes private.payment_currencies;
  kept constant bigint := _order.received_minor - _order.refunded_minor;
  most constant bigint := 99999999;  -- Stripe's, in its units
begin
  select * into takes from private.payment_currencies where currency = _order.currency;
  amount := case _instalment
    when 'deposit' then private.deposit_amount(_order)
    else _order.total_minor - kept end;
  refusal := case
    when _order.workflow_state in ('draft', 'cancelled', 'completed') or _order.payment_state = 'refunded' then
      private.refuse(409, 'order_not_payable', 'Nothing is to be paid for this order in the state it is in.')
    when _instalment in ('deposit', 'full') and _order.received_minor > 0 or _instalment <> 'deposit' and amount <= 0 then
      private.refuse(409, 'already_paid', 'This was paid already.')
    when _instalment = 'deposit' and _order.deposit_minor = 0 then
      private.refuse(409, 'no_deposit', 'This order has no deposit: pay it in full.')
    when _instalment = 'balance' and (_order.received_minor = 0 or _order.received_minor < _order.deposit_minor) then
      private.refuse(409, 'deposit_needed', 'The deposit comes before the balance.')
    when takes.currency is null then
      private.refuse(409, 'currency_not_payable', 'Payments are not taken in the currency of this order.')
    when amount < takes.least_minor or amount * takes.stripe_units > most or amount % takes.step_minor <> 0 then
      private.refuse(409, 'amount_not_payable', 'This amount is too small, too large or too fine to be paid by card.')
    when _instalment = 'deposit' and _order.total_minor - amount between 1 and takes.least_minor - 1 then
      private.refuse(409, 'pay_in_full', 'What would remain is too small to be paid by itself: pay in full.')
    end;
end
$$;
comment on function private.instalment_amount is
  'What an instalment comes to. The deposit is the order''s, upwards to what Stripe takes; the balance is the total less '
  'what was received and not given back; full is the total.';

create function private.start_payment(_order uuid, _token text, _instalment text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  payable public.orders;
  amount bigint;
  refusal jsonb;
  open_payment private.payments;
begin
  refusal := private.payment_refusal(_order, _token, 'payments.start');
  if refusal is not null then
    return refusal;
  end if;
  select * into payable from public.orders where id = _order;
  select i.amount, i.refusal into amount, refusal from private.instalment_amount(payable, _instalment) as i;
  if refusal is not null then
    return refusal;
  end if;
  select * into open_payment from private.payments as p where p.order_id = _order and private.is_open(p.status) for update;
  if open_payment.status = 'processing' and (open_payment.instalment, open_payment.amount_minor) <> (_instalment, amount) then
    return private.refuse(409, 'payment_under_way', 'Another payment for this order is with the bank. Wait for its end.');
  elsif open_payment.id is null then
    insert into private.payments (workspace_id, order_id, instalment, amount_minor, currency, created_by)
    values (payable.workspace_id, _order, _instalment, amount, payable.currency, auth.uid())
    returning * into open_payment;
    perform private.audit(payable.workspace_id, auth.uid(), 'payment.started', open_payment.id::text,
      jsonb_build_object('order', _order, 'instalment', _instalment, 'amount_minor', amount));
  end if;
  return private.payment_to_ask(open_payment) || jsonb_build_object(
    'superseded', (open_payment.instalment, open_payment.amount_minor) <> (_instalment, amount));
end
$$;
comment on function private.start_payment is
  'What to ask Stripe. superseded: another payment is open, which must be cancelled before this can be started.';

create function public.start_payment(order_id uuid, token text, instalment text) returns jsonb
language sql
set search_path = ''
as $$
  select private.start_payment(order_id, token, instalment)
$$;

create function private.list_payments(_order uuid, _token text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  refusal jsonb := private.payment_refusal(_order, _token, 'payments.start');
begin
  if refusal is not null then
    return refusal;
  end if;
  return private.answer((
    select coalesce(jsonb_agg(private.payment_json(p) || jsonb_build_object(
      'refunds', (
        select coalesce(jsonb_agg(private.refund_json(r) order by r.created_at), '[]')
        from private.refunds as r where r.payment_id = p.id),
      'disputes', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'id', d.id, 'amount_minor', d.amount_minor, 'status', d.status, 'reason', d.reason,
          'opened_at', private.rfc3339(d.opened_at)) order by d.opened_at), '[]')
        from private.disputes as d where d.payment_id = p.id)) order by p.created_at, p.id), '[]')
    from private.payments as p where p.order_id = _order));
end
$$;

create function public.list_payments(order_id uuid, token text default null) returns jsonb
language sql
set search_path = ''
as $$
  select private.list_payments(order_id, token)
$$;

create function private.order_of_payment(_stripe_id text) returns uuid
language sql stable
set search_path = ''
as $$
  select order_id from private.payments where stripe_id = _stripe_id
$$;

create function private.begin_cancelling(_stripe_id text, _token text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  found_payment private.payments;
  refusal jsonb := private.payment_refusal(private.order_of_payment(_stripe_id), _token, 'payments.start');
begin
  if refusal is not null then
    return refusal;
  end if;
  select * into found_payment from private.payments where stripe_id = _stripe_id for update;
  if not private.is_open(found_payment.status) and found_payment.status <> 'canceled' then
    return private.refuse(409, 'not_cancellable', 'This payment has come to its end.');
  end if;
  return private.payment_to_ask(found_payment);
end
$$;

create function public.begin_cancelling(payment_intent_id text, token text) returns jsonb
language sql
set search_path = ''
as $$
  select private.begin_cancelling(payment_intent_id, token)
$$;

-- Refunds -----------------------------------------------------------------------------------------------------------

create function private.refund_json(_refund private.refunds) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'refund_id', _refund.id, 'amount_minor', _refund.amount_minor, 'status', _refund.status, 'reason', _refund.reason,
    'created_at', private.rfc3339(_refund.created_at))
$$;

create function private.refundable(_payment private.payments) returns bigint
language sql stable
set search_path = ''
as $$
  select _payment.received_minor - greatest(_payment.refunded_minor, coalesce((
    select sum(amount_minor) from private.refunds
    where payment_id = _payment.id and status not in ('failed', 'canceled', 'abandoned')), 0))
$$;
comment on function private.refundable is 'What is left after all refunds, those under way and those made at Stripe by hand too.';

create function private.refund_to_ask(_refund private.refunds) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'refund', _refund.id, 'refund_id', _refund.stripe_id, 'status', _refund.status, 'stripe_id', p.stripe_id, 'order', p.order_id,
    'amount', (_refund.amount_minor * c.stripe_units)::bigint, 'reason', _refund.reason,
    'key_remembered', private.key_remembered(_refund.created_at))
  from private.payments as p
  join private.payment_currencies as c using (currency)
  where p.id = _refund.payment_id
$$;

create function private.begin_refund(_stripe_id text, _amount_minor bigint, _reason text, _record uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  refunded private.payments;
  refusal jsonb := private.payment_refusal(private.order_of_payment(_stripe_id), null, 'payments.refund');
  made private.refunds;
  rest bigint;
  request_key constant text := (select key from private.idempotency where id = _record and caller = auth.uid()::text);
begin
  if refusal is not null then
    return refusal;
  end if;
  select * into refunded from private.payments where stripe_id = _stripe_id for update;
  select * into made from private.refunds as r
  where r.payment_id = refunded.id and r.requested_by = auth.uid() and r.idempotency_key = request_key;
  if found and (made.amount_minor, made.reason) is distinct from (coalesce(_amount_minor, made.amount_minor), _reason) then
    return private.refuse(422, 'idempotency_key_reused', 'This Idempotency-Key was used for a different request.');
  elsif found then
    return private.refund_to_ask(made);
  end if;
  rest := private.refundable(refunded);
  if rest <= 0 or _amount_minor > rest then
    return private.refuse(409, 'refund_too_large', 'That is more than was received and not given back yet.');
  elsif coalesce(_amount_minor, rest) % (select step_minor from private.payment_currencies where currency = refunded.currency) <> 0 then
    return private.refuse(409, 'amount_not_payable', 'This amount is too small, too large or too fine to be paid by card.');
  end if;
  insert into private.refunds (payment_id, amount_minor, reason, requested_by, idempotency_key)
  values (refunded.id, coalesce(_amount_minor, rest), _reason, auth.uid(), request_key)
  returning * into made;
  perform private.audit(refunded.workspace_id, auth.uid(), 'refund.requested', made.id::text,
    jsonb_build_object('payment', refunded.id, 'amount_minor', made.amount_minor, 'reason', _reason));
  return private.refund_to_ask(made);
end
$$;
comment on function private.begin_refund is
  'Sets an amount aside under the payment''s lock, so that refunds never exceed what was received, however many are asked '
  'for at once. The same request again (by its Idempotency-Key) finds the same refund.';

create function public.begin_refund(payment_intent_id text, amount_minor bigint, reason text, record uuid) returns jsonb
language sql
set search_path = ''
as $$
  select private.begin_refund(payment_intent_id, amount_minor, reason, record)
$$;

create function private.end_refund(_refund uuid, _reading bigint, _read jsonb, _environment text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
begin
  perform private.record_reading(_reading, _read, _environment);
  return private.answer((select private.refund_json(r) from private.refunds as r where r.id = _refund), 201);
end
$$;

create function public.end_refund(refund uuid, reading bigint, read jsonb, environment text) returns jsonb
language sql
set search_path = ''
as $$
  select private.end_refund(refund, reading, read, environment)
$$;

create function private.abandon_refund(_refund uuid) returns void
language sql security definer
set search_path = ''
as $$
  update private.refunds set status = 'abandoned', idempotency_key = null where id = _refund and status = 'creating'
$$;
comment on function private.abandon_refund is
  'Stripe has said no, or knows nothing of it: what was set aside is free again, and the same request may come again.';

create function public.abandon_refund(refund uuid) returns void
language sql
set search_path = ''
as $$
  select private.abandon_refund(refund)
$$;

-- What our functions write down -------------------------------------------------------------------------------------

create function private.record_intent(_payment uuid, _reading bigint, _intent jsonb, _environment text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
begin
  perform private.apply_intent(_reading, _intent, _environment);
  return private.answer((select private.payment_json(p) from private.payments as p where p.id = _payment));
end
$$;
comment on function private.record_intent is
  'With 0 as the reading it counts only while nothing else is known: what an intent was made with may be told again as it '
  'was then.';

create function public.record_intent(payment uuid, reading bigint, intent jsonb, environment text) returns jsonb
language sql
set search_path = ''
as $$
  select private.record_intent(payment, reading, intent, environment)
$$;

create function private.abandon_payment(_payment uuid) returns void
language sql security definer
set search_path = ''
as $$
  update private.payments set status = 'abandoned', read_at = clock_timestamp()
  where id = _payment and status = 'creating' and stripe_id is null
$$;
comment on function private.abandon_payment is 'Stripe refuses it, or doesn''t know it though it would have to: another one may be started.';

create function public.abandon_payment(payment uuid) returns void
language sql
set search_path = ''
as $$
  select private.abandon_payment(payment)
$$;

create function private.begin_event(_id text) returns jsonb
language sql security definer
set search_path = ''
as $$
  select jsonb_build_object(
    'known', exists (select from private.stripe_events where id = _id), 'reading', nextval('private.stripe_readings'))
$$;

create function public.begin_event(id text) returns jsonb
language sql
set search_path = ''
as $$
  select private.begin_event(id)
$$;

create function private.record_event(_event jsonb, _reading bigint, _read jsonb, _environment text) returns text
language plpgsql security definer
set search_path = ''
as $$
declare
  outcome text := 'ignored';
  of_payment uuid;
begin
  if _read is not null then
    select r.outcome, r.payment_id into outcome, of_payment from private.record_reading(_reading, _read, _environment) as r;
  end if;
  insert into private.stripe_events (id, type, created_at, object_id, payment_id, outcome)
  values (
    _event ->> 'id', _event ->> 'type', to_timestamp((_event ->> 'created')::bigint), _event ->> 'object_id', of_payment,
    outcome)
  on conflict (id) do nothing;
  return case when found then outcome else 'already_recorded' end;
end
$$;
comment on function private.record_event is 'An event and what was read at Stripe because of it, in one transaction.';

create function public.record_event(event jsonb, reading bigint, read jsonb, environment text) returns text
language sql
set search_path = ''
as $$
  select private.record_event(event, reading, read, environment)
$$;

-- Comparing with Stripe ---------------------------------------------------------------------------------------------

create function private.next_reading() returns bigint
language sql security definer
set search_path = ''
as $$
  select nextval('private.stripe_readings')
$$;

create function public.next_reading() returns bigint
language sql
set search_path = ''
as $$
  select private.next_reading()
$$;

create function private.compare_intents(_reading bigint, _intents jsonb, _environment text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  each_intent jsonb;
  before private.payments;
  after private.payments;
  applied record;
  unwanted boolean;
  differences jsonb := '[]';
begin
  -- All orders before the first audit entry: whoever pays for one of them locks it first and then the audit's chain.
  perform from public.orders as o
  where o.id in (
    select p.order_id from jsonb_array_elements(_intents) as i
    join private.payments as p on p.id = private.told_id(i -> 'metadata' ->> 'payment'))
  order by o.id for update;
  for each_intent in select * from jsonb_array_elements(_intents) loop
    select * into before from private.payments where stripe_id = each_intent ->> 'id';
    select * into applied from private.apply_intent(_reading, each_intent, _environment);
    select * into after from private.payments where id = applied.payment_id;
    unwanted := private.is_open(each_intent ->> 'status') and each_intent ->> 'status' <> 'processing'
      and (after.status = 'abandoned' or after.stripe_id = each_intent ->> 'id' and exists (
        select from public.orders where id = after.order_id and workflow_state = 'cancelled'));
    if applied.outcome in ('applied', 'mismatch', 'unknown') or unwanted then
      differences := differences || jsonb_build_object(
        'payment_intent_id', each_intent ->> 'id', 'payment', after.id,
        'kind', case when applied.outcome in ('mismatch', 'unknown') then applied.outcome
          when after.status = 'abandoned' then 'abandoned' else 'mended' end,
        'ours', before.status, 'stripes', each_intent ->> 'status', 'cancel', coalesce(unwanted, false));
    end if;
  end loop;
  return differences;
end
$$;
comment on function private.compare_intents is
  'What Stripe lists, taken over; and what of it was otherwise here: [{payment_intent_id, payment, kind, ours, stripes, '
  'cancel}]. cancel: nobody wants it any more.';

create function public.compare_intents(reading bigint, intents jsonb, environment text) returns jsonb
language sql
set search_path = ''
as $$
  select private.compare_intents(reading, intents, environment)
$$;

create function private.payments_unread(_before timestamptz, _most integer) returns jsonb
language sql security definer
set search_path = ''
as $$
  with unread as (
    select id from private.payments
    where private.is_open(status) and created_at < _before - interval '10 minutes' and (read_at is null or read_at < _before)
    order by read_at nulls first, created_at limit _most for update),
  taken as (
    update private.payments as p set read_at = clock_timestamp() from unread where p.id = unread.id returning p.*)
  select coalesce(jsonb_agg(private.payment_to_ask(p.*::private.payments) || jsonb_build_object(
    'cancel', o.workflow_state = 'cancelled' and p.status not in ('creating', 'processing'))), '[]')
  from taken as p
  join public.orders as o on o.id = p.order_id
$$;
comment on function private.payments_unread is
  'Open payments that Stripe did not list since then, being too old or unknown there. Each is given out once, whatever comes '
  'of it: those behind it have their turn.';

create function public.payments_unread(before timestamptz, most integer) returns jsonb
language sql
set search_path = ''
as $$
  select private.payments_unread(before, most)
$$;

create function private.refunds_unknown(_most integer) returns jsonb
language sql security definer
set search_path = ''
as $$
  select coalesce(jsonb_agg(private.refund_to_ask(r)), '[]')
  from (
    select * from private.refunds
    where status = 'creating' and created_at < now() - interval '10 minutes' order by created_at limit _most) as r
$$;
comment on function private.refunds_unknown is 'Refunds of which it isn''t known whether Stripe made them: their process died in between.';

create function public.refunds_unknown(most integer) returns jsonb
language sql
set search_path = ''
as $$
  select private.refunds_unknown(most)
$$;

create function private.miss_payment(_payment uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  missed private.payments;
begin
  update private.payments set read_at = clock_timestamp(), status = case status when 'processing' then status else 'abandoned' end
  where id = _payment and private.is_open(status)
  returning * into missed;
  if found then
    perform private.find_payment(missed.stripe_id, 'missing', missed.id, jsonb_build_object('status', missed.status));
  end if;
  return (select private.payment_json(p) from private.payments as p where p.id = _payment);
end
$$;
comment on function private.miss_payment is
  'Stripe doesn''t know a payment that it did, as after a change of keys: it is told, and given up unless money may be on '
  'its way, so that another one may be started. The payment as it is then.';

create function public.miss_payment(payment uuid) returns jsonb
language sql
set search_path = ''
as $$
  select private.miss_payment(payment)
$$;

revoke execute on function
  private.key_remembered, private.payment_refusal, private.payment_json, private.payment_to_ask, private.deposit_amount, private.instalment_amount,
  private.start_payment, public.start_payment, private.list_payments, public.list_payments, private.order_of_payment,
  private.begin_cancelling, public.begin_cancelling, private.refund_json, private.refundable, private.refund_to_ask,
  private.begin_refund, public.begin_refund, private.end_refund, public.end_refund, private.abandon_refund,
  public.abandon_refund, private.record_intent, public.record_intent, private.abandon_payment, public.abandon_payment,
  private.begin_event, public.begin_event, private.record_event, public.record_event, private.next_reading,
  public.next_reading, private.compare_intents, public.compare_intents, private.payments_unread, public.payments_unread,
  private.refunds_unknown, public.refunds_unknown, private.miss_payment, public.miss_payment
from public, anon, authenticated;
grant execute on function
  private.start_payment, public.start_payment, private.list_payments, public.list_payments, private.begin_cancelling,
  public.begin_cancelling
to authenticated, service_role;
grant execute on function private.begin_refund, public.begin_refund to authenticated;
grant execute on function
  private.end_refund, public.end_refund, private.abandon_refund, public.abandon_refund, private.record_intent,
  public.record_intent, private.abandon_payment, public.abandon_payment, private.begin_event, public.begin_event,
  private.record_event, public.record_event, private.next_reading, public.next_reading, private.compare_intents,
  public.compare_intents, private.payments_unread, public.payments_unread, private.refunds_unknown,
  public.refunds_unknown, private.miss_payment, public.miss_payment
to service_role;
