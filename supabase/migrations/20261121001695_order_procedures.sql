-- What people do with orders: each sees what is theirs to see, and moves what is theirs to move.
set lock_timeout = '5s';
set statement_timeout = '60s';

create function private.order_scope(_order public.orders, _permission text) returns text
language sql stable
set search_path = ''
as $$
  select held.scope
  from private.permission_scope(_order.workspace_id, _permission) as held(scope)
  where _order.id is not null and case held.scope
    when 'all' then true
    when 'own' then _order.buyer_id = auth.uid()
    when 'assigned' then _order.assigned_to = auth.uid()
    end
$$;
comment on function private.order_scope is
  'As who the caller holds a permission for this order: all, own or assigned; null where they don''t.';

create function private.order_refusal(_order public.orders, _asked uuid) returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  if private.order_scope(_order, 'orders.read') is null then
    -- Alike for an order of others and for none.
    perform private.audit_denial(private.platform(), auth.uid(), _asked::text, '{"permission": "orders.read"}');
    return private.not_found();
  end if;
  return private.refusal(_order.workspace_id, 'orders.read');
end
$$;
comment on function private.order_refusal is 'Null for whoever may see the order.';

create function private.order_denial(_order public.orders) returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  perform private.audit_denial(_order.workspace_id, auth.uid(), _order.id::text, '{"permission": "orders.write"}');
  return private.refuse(403, 'permission_denied', 'Your role in this workspace does not permit this.');
end
$$;

create function private.moves_of(_order public.orders, _scope text) returns setof private.order_moves
language sql stable
set search_path = ''
as $$
  select * from private.order_moves as m
  where m.from_state = _order.workflow_state and m.by = _scope
    and (m.from_state <> 'on_hold' or m.to_state in (_order.held_from, 'cancelled'))
$$;
comment on function private.moves_of is 'Where somebody with that scope may move the order, once it is paid for.';

-- Shapes of answers -------------------------------------------------------------------------------------------------

create function private.order_summary_json(_order public.orders, _scope text) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'id', _order.id, 'number', _order.number, 'summary', _order.summary,
    'workflow_state', _order.workflow_state, 'payment_state', _order.payment_state,
    'total', case when _scope <> 'assigned' then private.amount_json(_order.total_minor, _order.currency) end,
    'assigned_to', case when _scope <> 'own' then _order.assigned_to end,
    'expected_on', _order.expected_on,
    'created_at', private.rfc3339(_order.created_at), 'updated_at', private.rfc3339(_order.updated_at))
$$;
comment on function private.order_summary_json is
  'Who makes an order isn''t told what the buyer pays nor who that is, and the buyer not who makes it.';

create function private.order_history_json(_order uuid, _scope text) returns jsonb
language sql stable
set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'at', private.rfc3339(at), 'kind', kind, 'previous', from_state, 'state', to_state,
    'reason', reason, 'actor', case when _scope = 'all' then actor end) order by position), '[]')
  from private.order_history where order_id = _order
$$;

create function private.order_json(_order public.orders, _scope text) returns jsonb
language sql stable
set search_path = ''
as $$
  select private.order_summary_json(_order, _scope) || jsonb_build_object(
    'quote_id', case when _scope <> 'assigned' then _order.quote_id end,
    'lines', (
      select jsonb_agg(private.order_line_json(line, _order.currency, _scope <> 'assigned') order by position)
      from jsonb_array_elements(_order.lines) with ordinality as l(line, position)
      where _scope <> 'assigned' or line ->> 'kind' = 'item'),
    'timeline', private.order_timeline(_order),
    'held_from', _order.held_from,
    'tracking', _order.tracking,
    'revision', _order.revision,
    'history', private.order_history_json(_order.id, _scope),
    'moves', (
      select coalesce(jsonb_agg(m.to_state order by m.to_state), '[]')
      from private.moves_of(_order, private.order_scope(_order, 'orders.write')) as m
      where private.payment_meets(_order, m.needs)))
    || case when _scope <> 'assigned' then jsonb_build_object(
      'customer', _order.customer,
      'terms', _order.terms - 'timeline',
      'subtotal', private.amount_json(_order.subtotal_minor, _order.currency),
      'deposit', private.amount_json(_order.deposit_minor, _order.currency),
      'balance', private.amount_json(_order.balance_minor, _order.currency),
      'received', private.amount_json(_order.received_minor, _order.currency),
      'refunded', private.amount_json(_order.refunded_minor, _order.currency))
      else '{}' end
$$;

-- Reading -----------------------------------------------------------------------------------------------------------

create function private.list_orders(
  _workspace uuid, _workflow_state text, _payment_state text, _after uuid, _limit integer) returns jsonb
language plpgsql security definer
set search_path = ''
-- Planned for who asks, as in private.list_detections.
set plan_cache_mode = force_custom_plan
as $$
declare
  workspace uuid := coalesce(_workspace, private.default_workspace());
  refusal jsonb := private.refusal(workspace, 'orders.read');
  scope text := private.permission_scope(workspace, 'orders.read');
  last public.orders;
begin
  if refusal is not null then
    return refusal;
  end if;
  select * into last from public.orders as o
  where o.id = _after and o.workspace_id = workspace and private.order_scope(o, 'orders.read') is not null;
  return private.answer((
    select coalesce(jsonb_agg(private.order_summary_json(page, scope) order by page.created_at desc, page.id desc), '[]')
    from (
      select * from public.orders as o
      where o.workspace_id = workspace
        and (scope <> 'own' or o.buyer_id = auth.uid())
        and (scope <> 'assigned' or o.assigned_to = auth.uid())
        and (_workflow_state is null or o.workflow_state = _workflow_state)
        and (_payment_state is null or o.payment_state = _payment_state)
        and (_after is null or (o.created_at, o.id) < (last.created_at, last.id))
      order by o.created_at desc, o.id desc limit least(_limit, 101)
    ) as page));
end
$$;

create function public.list_orders(
  workspace_id uuid default null, workflow_state text default null, payment_state text default null,
  after uuid default null, page_size integer default 51
) returns jsonb
language sql
set search_path = ''
as $$
  select private.list_orders(workspace_id, workflow_state, payment_state, after, page_size)
$$;

create function private.read_order(_order uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  found_order public.orders;
  refusal jsonb;
begin
  select * into found_order from public.orders where id = _order;
  refusal := private.order_refusal(found_order, _order);
  if refusal is not null then
    return refusal;
  end if;
  return private.answer(private.order_json(found_order, private.order_scope(found_order, 'orders.read')));
end
$$;

create function public.read_order(order_id uuid) returns jsonb
language sql
set search_path = ''
as $$
  select private.read_order(order_id)
$$;

create function private.track_order(_token text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  tracked public.orders;
begin
  select * into tracked from public.orders where tracking_token_hash = sha256(convert_to(_token, 'UTF8'));
  if not found then
    return private.not_found();
  end if;
  return private.answer(jsonb_build_object(
    'number', tracked.number,
    'workflow_state', tracked.workflow_state,
    'expected_on', tracked.expected_on,
    'timeline', private.order_timeline(tracked),
    'tracking', tracked.tracking,
    -- Without reasons: people write names into them.
    'history', (
      select jsonb_agg(jsonb_build_object('at', private.rfc3339(at), 'state', to_state) order by position)
      from private.order_history where order_id = tracked.id and kind = 'workflow')));
end
$$;
comment on function private.track_order is 'For whoever has the token: no person and no amount is in it.';

create function public.track_order(token text) returns jsonb
language sql
set search_path = ''
as $$
  select private.track_order(token)
$$;

-- Moving ------------------------------------------------------------------------------------------------------------

create function private.move_order(_order public.orders, _to text, _actor uuid, _reason text, _tracking jsonb default null)
returns public.orders
language plpgsql
set search_path = ''
as $$
declare
  moved public.orders;
begin
  update public.orders
  set workflow_state = _to, tracking = coalesce(jsonb_strip_nulls(_tracking), tracking)
  where id = _order.id
  returning * into moved;
  perform private.note_order(moved.id, _actor, 'workflow', _order.workflow_state, _to, _reason);
  perform private.mail_order(moved, 'order-status', jsonb_build_object(
    'status', _to, 'summary', moved.summary, 'reason', _reason, 'expected_on', moved.expected_on,
    'tracking', case when _to = 'shipped' then moved.tracking end,
    'changed_on', (select (now() at time zone time_zone)::date from public.workspaces where id = moved.workspace_id)));
  perform private.audit(moved.workspace_id, _actor, 'order.moved', moved.id::text,
    jsonb_build_object('from', _order.workflow_state, 'to', _to));
  return moved;
end
$$;
comment on function private.move_order is
  'The move, its history, the customer''s mail and the audit entry. Whoever calls it holds the row and has checked who may.';

create function private.transition_order(_order uuid, _to text, _reason text, _tracking jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  current public.orders;
  scope text;
  move private.order_moves;
  refusal jsonb;
begin
  select * into current from public.orders where id = _order for update;
  refusal := private.order_refusal(current, _order);
  if refusal is null then
    refusal := private.refusal(current.workspace_id, 'orders.write');
  end if;
  if refusal is not null then
    return refusal;
  end if;
  scope := private.order_scope(current, 'orders.write');
  if scope is null then
    return private.order_denial(current);
  elsif private.is_plain(_reason, 500, true) is false then
    return private.refuse(422, 'invalid_reason', 'A reason is text of at most 500 characters.');
  elsif _tracking is not null and (_to is distinct from 'shipped' or private.is_order_tracking(jsonb_strip_nulls(_tracking)) is not true) then
    return private.refuse(422, 'invalid_tracking', 'Tracking is told when an order is shipped: a carrier and a number, perhaps an https link.');
  end if;

  select * into move from private.moves_of(current, scope) where to_state = _to;
  if not found then
    if exists (select from private.moves_of(current, 'all') where to_state = _to) then
      return private.order_denial(current);
    end if;
    return private.refuse(409, 'move_not_allowed', 'An order doesn''t go from the state it is in to that one.');
  elsif not private.payment_meets(current, move.needs) then
    if move.needs = 'unpaid' then
      return private.refuse(409, 'already_paid', 'Something was paid already: ask those who take the order.');
    end if;
    return private.refuse(409, 'payment_needed', 'For this more must have been paid.');
  end if;
  current := private.move_order(current, _to, auth.uid(), _reason, _tracking);
  return private.answer(private.order_json(current, private.order_scope(current, 'orders.read')));
end
$$;
comment on function private.transition_order is
  '403 for a move that is others'' to make, 409 for one that nobody can make from here, or that isn''t paid for.';

create function public.transition_order(order_id uuid, state text, reason text default null, tracking jsonb default null)
returns jsonb
language sql
set search_path = ''
as $$
  select private.transition_order(order_id, state, reason, tracking)
$$;

create function private.cancel_order(_order uuid, _reason text) returns jsonb
language sql security definer
set search_path = ''
as $$
  select private.transition_order(_order, 'cancelled', _reason, null)
$$;

create function public.cancel_order(order_id uuid, reason text default null) returns jsonb
language sql
set search_path = ''
as $$
  select private.cancel_order(order_id, reason)
$$;

create function private.assign_order(_order uuid, _user uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  current public.orders;
  refusal jsonb;
begin
  select * into current from public.orders where id = _order for update;
  refusal := private.order_refusal(current, _order);
  if refusal is null then
    refusal := private.refusal(current.workspace_id, 'orders.write');
  end if;
  if refusal is not null then
    return refusal;
  elsif private.order_scope(current, 'orders.write') is distinct from 'all' then
    return private.order_denial(current);
  elsif current.workflow_state in ('completed', 'cancelled') then
    return private.refuse(409, 'order_ended', 'Nobody makes this order any more.');
  elsif _user is not null and not exists (
      select from public.members as m
      join public.role_permissions as rp on rp.role_id = m.role_id and rp.permission = 'orders.read' and rp.scope = 'assigned'
      where m.workspace_id = current.workspace_id and m.user_id = _user) then
    return private.refuse(422, 'not_assignable', 'Orders are assigned to suppliers and factories of the workspace.');
  elsif _user is distinct from current.assigned_to then
    update public.orders set assigned_to = _user where id = _order returning * into current;
    perform private.audit(current.workspace_id, auth.uid(), 'order.assigned', _order::text,
      jsonb_build_object('user', _user));
  end if;
  return private.answer(private.order_json(current, private.order_scope(current, 'orders.read')));
end
$$;

create function public.assign_order(order_id uuid, user_id uuid default null) returns jsonb
language sql
set search_path = ''
as $$
  select private.assign_order(order_id, user_id)
$$;

revoke execute on function
  private.order_scope, private.order_refusal, private.order_denial, private.moves_of, private.order_summary_json,
  private.order_history_json, private.order_json, private.list_orders, public.list_orders, private.read_order,
  public.read_order, private.track_order, public.track_order, private.move_order, private.transition_order,
  public.transition_order, private.cancel_order, public.cancel_order, private.assign_order, public.assign_order
from public, anon, authenticated;
grant execute on function
  private.list_orders, public.list_orders, private.read_order, public.read_order,
  private.transition_order, public.transition_order, private.cancel_order, public.cancel_order,
  private.assign_order, public.assign_order
to authenticated;
grant execute on function private.track_order, public.track_order to service_role;
