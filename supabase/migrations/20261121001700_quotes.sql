-- Quotes: a price with all it was computed from, in versions of which one is open.
set lock_timeout = '5s';
set statement_timeout = '60s';

create table public.quotes (
  id uuid primary key default gen_random_uuid(),
  workspace_id uuid not null references public.workspaces on delete cascade,
  family uuid not null,
  number text not null check (char_length(number) <= 30),
  version integer not null check (version > 0),
  status text not null default 'open' check (status in ('open', 'superseded', 'declined', 'expired', 'converted')),
  user_id uuid references auth.users on delete set null,
  guest_token_hash bytea,
  customer jsonb not null check (jsonb_typeof(customer) = 'object'),
  notes text not null default '' check (char_length(notes) <= 2000),
  source_text text check (char_length(source_text) <= 5000),
  request jsonb not null,
  specification jsonb not null,
  price jsonb not null,
  terms jsonb not null,
  savings jsonb not null,
  narrative jsonb not null,
  exchange_rate jsonb not null,
  currency char(3) not null,
  total_minor bigint not null check (total_minor > 0),
  approved_on date not null,
  valid_until date not null,
  rate_card_id uuid not null references private.rate_cards,
  input_hash text not null check (input_hash ~ '^[0-9a-f]{64}$'),
  declined_because text check (char_length(declined_because) <= 500),
  order_id uuid,
  created_at timestamptz not null default now(),
  unique (family, version),
  check ((order_id is not null) = (status = 'converted'))
);
comment on table public.quotes is 'A version of a quote. Its price never changes; a revision is a version of its own.';
comment on column public.quotes.family is 'The first version''s id: all versions of a quote share it, and the number.';
comment on column public.quotes.customer is 'Personal data: {email, name, company, country}.';
comment on column public.quotes.notes is 'Personal data, possibly: what the customer said besides.';
comment on column public.quotes.source_text is 'Personal data, possibly: the customer''s own words.';
comment on column public.quotes.request is 'What was asked for, as it was sent, without the customer.';
comment on column public.quotes.specification is 'What was priced: the request with the card''s defaults. Pricing it again gives the same cents.';
comment on column public.quotes.guest_token_hash is 'sha256 of what opens it for a guest.';

alter table public.quotes enable row level security;
create unique index quotes_open on public.quotes (family) where status = 'open';
create index quotes_by_workspace on public.quotes (workspace_id, created_at desc, id desc);
create index quotes_by_user on public.quotes (user_id, workspace_id, created_at desc, id desc);
create index quotes_by_card on public.quotes (rate_card_id);
create index quotes_by_validity on public.quotes (valid_until) where status = 'open';

create table private.quote_codes (
  family uuid primary key,
  workspace_id uuid not null references public.workspaces on delete cascade,
  code_hash bytea not null,
  tries integer not null default 0,
  expires_at timestamptz not null,
  confirmed_at timestamptz
);
comment on table private.quote_codes is 'The code that a guest proves with that the quote''s address is theirs.';
comment on column private.quote_codes.code_hash is 'sha256 of the quote''s family and the code: six digits, so it lives ten minutes and five tries.';
alter table private.quote_codes enable row level security;
create index quote_codes_by_workspace on private.quote_codes (workspace_id);

insert into private.retention (relation, row_age, keep, reason) values
  ('private.quote_codes', 'expires_at', '1 day', 'longer than any of them works');

create function private.keep_quote() returns trigger
language plpgsql
set search_path = ''
as $$
declare
  moving constant text[] := '{status,user_id,declined_because,order_id}';
begin
  if to_jsonb(new) - moving is distinct from to_jsonb(old) - moving then
    raise exception 'what a quote says stays: revise it' using errcode = '23514';
  elsif new.status <> old.status and not (
      old.status = 'open' or (new.status = 'superseded' and old.status in ('declined', 'expired'))) then
    raise exception 'a quote doesn''t go from % to %', old.status, new.status using errcode = '23514';
  end if;
  return new;
end
$$;
comment on function private.keep_quote is 'Holds for everybody, the owner of the table included.';

create trigger quotes_stay before update on public.quotes for each row execute function private.keep_quote();

create function private.today(_workspace uuid, _at timestamptz default now()) returns date
language sql stable
set search_path = ''
as $$
  select (_at at time zone time_zone)::date from public.workspaces where id = _workspace
$$;

create function private.quote_json(_quote public.quotes) returns jsonb
language sql stable
set search_path = ''
as $$
  select _quote.price || _quote.terms || jsonb_build_object(
    'id', _quote.id, 'number', _quote.number, 'version', _quote.version,
    -- Said by the job only once an hour.
    'status', case when _quote.status = 'open' and _quote.valid_until < private.today(_quote.workspace_id) then 'expired'
      else _quote.status end,
    'product_type', _quote.specification ->> 'product', 'specification', _quote.specification,
    'customer', _quote.customer, 'notes', _quote.notes, 'narrative', _quote.narrative, 'savings', _quote.savings,
    'exchange_rate', _quote.exchange_rate, 'valid_until', _quote.valid_until, 'input_hash', _quote.input_hash,
    'rate_card_version', (select version from private.rate_cards where id = _quote.rate_card_id),
    'order_id', _quote.order_id, 'created_at', private.rfc3339(_quote.created_at))
$$;

-- Who may ---------------------------------------------------------------------------------------------------------

create function private.quote_role(_workspace uuid, _caller uuid) returns text
language sql stable
set search_path = ''
as $$
  select case
    when private.permission_scope(_workspace, 'quotes.write', _caller) = 'all' then 'staff'
    when private.permission_scope(_workspace, 'quotes.write', _caller) is not null then 'buyer'
    when (select takes_guests from public.workspaces where id = _workspace) and not coalesce(
      private.is_member(_workspace, _caller), false) then 'guest' end
$$;
comment on function private.quote_role is
  'staff (all quotes), buyer (their own), guest (whoever isn''t in a workspace that takes guests); null: nobody.';

create function private.no_quotes(_workspace uuid, _caller uuid) returns jsonb
language sql
set search_path = ''
as $$
  select case when _caller is null then private.not_found()
    else coalesce(private.refusal(_workspace, 'quotes.write', _caller), private.not_found()) end
$$;
comment on function private.no_quotes is 'What to answer whoever may ask for none there: a guest as if there were nothing.';

create function private.quote_access(_quote public.quotes, _caller uuid, _token text) returns text
language sql stable
set search_path = ''
as $$
  select case
    when private.permission_scope(_quote.workspace_id, 'quotes.write', _caller) = 'all' then 'staff'
    when _quote.user_id = _caller and private.is_member(_quote.workspace_id, _caller) then 'buyer'
    when _quote.user_id = _caller or _quote.guest_token_hash = sha256(convert_to(_token, 'UTF8')) then 'guest' end
$$;
comment on function private.quote_access is
  'As in private.quote_role: who signed in and isn''t of the workspace is a guest too, and proves the address.';

create function private.found_quote(_quote uuid, _caller uuid, _token text) returns public.quotes
language plpgsql
set search_path = ''
as $$
declare
  found_one public.quotes;
begin
  select * into found_one from public.quotes where id = _quote for update;
  if private.quote_access(found_one, _caller, _token) is null then
    return null;
  end if;
  return found_one;
end
$$;
comment on function private.found_quote is 'Locked; null where the caller may not see it.';

-- Making ----------------------------------------------------------------------------------------------------------

create function private.quote_basis(_caller uuid, _workspace uuid, _product text, _currency text, _limits jsonb)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  workspace uuid := coalesce(_workspace, private.default_workspace(_caller));
  role text := private.quote_role(workspace, _caller);
  taken jsonb := private.take_limits(_limits);
  card private.rate_cards;
begin
  if not (taken -> 'admitted')::boolean then
    return private.refuse(429, 'rate_limited', 'Too many quotes for one day. Wait before the next one.')
      || jsonb_build_object('limits', taken -> 'limits');
  elsif role is null then
    return private.no_quotes(workspace, _caller) || jsonb_build_object('limits', taken -> 'limits');
  end if;
  card := private.current_rate_card(workspace, _product);
  return jsonb_build_object(
    'limits', taken -> 'limits', 'workspace_id', workspace, 'role', role, 'today', private.today(workspace),
    'rate_card_id', card.id, 'rate_card_version', card.version, 'rate_card', card.content,
    'known_products', case when card.id is null then private.known_products(workspace) end,
    'exchange_rate', private.exchange_rate(
      card.content ->> 'currency',
      coalesce(_currency, (
        select w.currency from public.workspaces as w
        where w.id = workspace and w.currency in ('USD', 'EUR', 'CAD', 'AUD', 'GBP', 'BDT')), 'USD')));
end
$$;
comment on function private.quote_basis is
  'What a price is computed from: the card that counts now, the exchange rate, the workspace''s own day. Takes the '
  'day''s limits; a guest''s quote is refused where the workspace takes none.';

create function public.quote_basis(caller uuid, workspace_id uuid, product text, currency text, limits jsonb) returns jsonb
language sql
set search_path = ''
as $$
  select private.quote_basis(caller, workspace_id, product, currency, limits)
$$;

create function private.brief_basis(_caller uuid, _workspace uuid, _limits jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  workspace uuid := coalesce(_workspace, private.default_workspace(_caller));
  taken jsonb := private.take_limits(_limits);
begin
  if not (taken -> 'admitted')::boolean then
    return private.refuse(429, 'rate_limited', 'Too many briefs. Wait before the next one.')
      || jsonb_build_object('limits', taken -> 'limits');
  elsif private.quote_role(workspace, _caller) is null then
    return private.no_quotes(workspace, _caller) || jsonb_build_object('limits', taken -> 'limits');
  end if;
  return jsonb_build_object(
    'limits', taken -> 'limits', 'workspace_id', workspace, 'today', private.today(workspace),
    'fabrics', coalesce((
      select jsonb_object_agg(k.product, jsonb_path_query_array(
        (private.current_rate_card(workspace, k.product)).content, '$.fabrics[*].fabric'))
      from jsonb_array_elements_text(private.known_products(workspace)) as k (product)), '{}'));
end
$$;
comment on function private.brief_basis is 'What a brief may name, by product, and the workspace''s own day; for whoever may ask for a quote.';

create function public.brief_basis(caller uuid, workspace_id uuid, limits jsonb) returns jsonb
language sql
set search_path = ''
as $$
  select private.brief_basis(caller, workspace_id, limits)
$$;

create function private.new_quote(
  _caller uuid, _workspace uuid, _role text, _quote jsonb, _token text, _old public.quotes default null
) returns public.quotes
language plpgsql
set search_path = ''
as $$
declare
  given public.quotes := jsonb_populate_record(null::public.quotes, _quote);
  made public.quotes;
begin
  insert into public.quotes (
    id, workspace_id, family, number, version, user_id, guest_token_hash, customer, notes, source_text, request,
    specification, price, terms, savings, narrative, exchange_rate, currency, total_minor, approved_on, valid_until,
    rate_card_id, input_hash)
  select n.id, _workspace, coalesce(_old.family, n.id), coalesce(_old.number, private.next_number(_workspace, 'Q')),
    coalesce(_old.version, 0) + 1, case when _old.id is null then _caller else _old.user_id end,
    coalesce(_old.guest_token_hash, sha256(convert_to(_token, 'UTF8'))), given.customer, given.notes, given.source_text, given.request,
    given.specification, given.price, given.terms, given.savings, given.narrative, given.exchange_rate, given.currency,
    given.total_minor, given.approved_on, given.valid_until, given.rate_card_id, given.input_hash
  from (select gen_random_uuid() as id) as n
  returning * into made;
  -- Nobody has mail sent to whom they like by passing themselves off as a guest.
  if _role = 'staff' and _quote -> 'mail' <> 'null' then
    perform private.queue_email(
      _workspace, 'quote', made.customer ->> 'email', (_quote -> 'mail') || jsonb_strip_nulls(jsonb_build_object(
        'number', made.number, 'recipient_name', private.mail_line(made.customer ->> 'name'))),
      'quote ' || made.family);
  end if;
  perform private.audit(_workspace, _caller, 'quote.created', made.id::text, jsonb_build_object(
    'number', made.number, 'version', made.version, 'total_minor', made.total_minor, 'currency', made.currency));
  return made;
end
$$;
comment on function private.new_quote is
  'The first version, or with _old the next one: it stays with whoever had it, whoever revises it.';

create function private.create_quote(_caller uuid, _workspace uuid, _quote jsonb, _token text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  role text := private.quote_role(_workspace, _caller);
begin
  if role is null then
    return private.no_quotes(_workspace, _caller);
  end if;
  return private.answer(private.quote_json(private.new_quote(
    _caller, _workspace, role, _quote, case when _caller is null then _token end)), 201);
end
$$;

create function public.create_quote(caller uuid, workspace_id uuid, quote jsonb, token text) returns jsonb
language sql
set search_path = ''
as $$
  select private.create_quote(caller, workspace_id, quote, token)
$$;

create function private.revise_quote(_caller uuid, _quote uuid, _token text, _revised jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  old public.quotes := private.found_quote(_quote, _caller, _token);
  made public.quotes;
begin
  if old.id is null then
    return private.not_found();
  elsif old.status not in ('open', 'declined', 'expired') or exists (
      select from public.quotes where family = old.family and version > old.version) then
    return private.refuse(409, 'quote_not_current', 'Only the current version of a quote that is no order yet is revised.');
  end if;
  update public.quotes set status = 'superseded' where id = old.id;
  made := private.new_quote(
    _caller, old.workspace_id, private.quote_access(old, _caller, _token), _revised, null, old);
  if made.customer ->> 'email' is distinct from old.customer ->> 'email' then
    delete from private.quote_codes where family = made.family;  -- what was proved is another address
  end if;
  return private.answer(private.quote_json(made), 201);
end
$$;

create function public.revise_quote(caller uuid, quote_id uuid, token text, revised jsonb) returns jsonb
language sql
set search_path = ''
as $$
  select private.revise_quote(caller, quote_id, token, revised)
$$;

-- Reading -----------------------------------------------------------------------------------------------------------

create function private.read_quote(_caller uuid, _quote uuid, _token text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  found_one public.quotes;
begin
  select * into found_one from public.quotes where id = _quote;
  if private.quote_access(found_one, _caller, _token) is null then
    return private.not_found();
  end if;
  return private.answer(private.quote_json(found_one) || jsonb_build_object(
    'workspace_id', found_one.workspace_id, 'approved_on', found_one.approved_on,
    'rate_card', (select content from private.rate_cards where id = found_one.rate_card_id),
    'rate_card_id', found_one.rate_card_id, 'price', found_one.price));
end
$$;

create function public.read_quote(caller uuid, quote_id uuid, token text) returns jsonb
language sql
set search_path = ''
as $$
  select private.read_quote(caller, quote_id, token)
$$;

create function private.list_quotes(_workspace uuid, _status text, _after uuid, _limit integer) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  workspace uuid := coalesce(_workspace, private.default_workspace());
  refusal jsonb := private.refusal(workspace, 'quotes.write');
  everybodys boolean := private.permission_scope(workspace, 'quotes.write') = 'all';
  last public.quotes;
begin
  if refusal is not null then
    return refusal;
  end if;
  select * into last from public.quotes
  where id = _after and workspace_id = workspace and (everybodys or user_id = auth.uid());
  return private.answer((
    select coalesce(jsonb_agg(private.quote_json(page) || jsonb_build_object(
      'quantity', page.specification -> 'quantity', 'total_minor', page.total_minor)
      order by page.created_at desc, page.id desc), '[]')
    from (
      select * from public.quotes as q
      where q.workspace_id = workspace
        and (everybodys or q.user_id = auth.uid())
        and (_status is null or q.status = _status)
        and (_after is null or (q.created_at, q.id) < (last.created_at, last.id))
      order by q.created_at desc, q.id desc limit least(_limit, 101)
    ) as page));
end
$$;

create function public.list_quotes(
  workspace_id uuid default null, status text default null, after uuid default null, page_size integer default 51
) returns jsonb
language sql
set search_path = ''
as $$
  select private.list_quotes(workspace_id, status, after, page_size)
$$;

-- Ending ------------------------------------------------------------------------------------------------------------

create function private.decline_quote(_caller uuid, _quote uuid, _token text, _reason text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  declined public.quotes := private.found_quote(_quote, _caller, _token);
begin
  if declined.id is null then
    return private.not_found();
  elsif declined.status <> 'open' then
    return private.refuse(409, 'quote_not_open', 'This version of the quote is not open any more.');
  end if;
  update public.quotes set status = 'declined', declined_because = nullif(_reason, '')
  where id = declined.id returning * into declined;
  perform private.audit(declined.workspace_id, _caller, 'quote.declined', declined.id::text);
  return private.answer(private.quote_json(declined));
end
$$;

create function public.decline_quote(caller uuid, quote_id uuid, token text, reason text) returns jsonb
language sql
set search_path = ''
as $$
  select private.decline_quote(caller, quote_id, token, reason)
$$;

create function private.expire_quotes() returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  expired integer;
begin
  with over as (
    update public.quotes set status = 'expired'
    where id in (
      select q.id from public.quotes as q
      where q.status = 'open' and q.valid_until < private.today(q.workspace_id)
      order by q.id limit 5000 for update skip locked)
    returning 1
  )
  select count(*) into expired from over;
  return expired;
end
$$;

create function public.expire_quotes() returns integer
language sql
set search_path = ''
as $$
  select private.expire_quotes()
$$;

-- A guest's proof -----------------------------------------------------------------------------------------------------

create function private.code_hash(_family uuid, _code text) returns bytea
language sql immutable
set search_path = ''
as $$
  select sha256(convert_to(_family::text || _code, 'UTF8'))
$$;

create function private.send_quote_code(_caller uuid, _quote uuid, _token text, _code text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  life constant interval := '10 minutes';
  meant public.quotes := private.found_quote(_quote, _caller, _token);
  taken jsonb;
begin
  if meant.id is null then
    return private.not_found();
  elsif meant.status <> 'open' then
    return private.refuse(409, 'quote_not_open', 'This version of the quote is not open any more.');
  end if;
  taken := private.take_limits(jsonb_build_array(
    jsonb_build_object('name', 'quotes.code', 'subject', meant.family, 'quota', 1, 'window_seconds', 60, 'units', 1),
    jsonb_build_object('name', 'quotes.codes', 'subject', meant.family, 'quota', 3, 'window_seconds', 86400, 'units', 1),
    -- Quotes are made for any address: it isn't flooded by making many.
    jsonb_build_object(
      'name', 'quotes.codes_to', 'subject', meant.workspace_id || ' ' || lower(meant.customer ->> 'email'),
      'quota', 10, 'window_seconds', 86400, 'units', 1)));
  if not (taken -> 'admitted')::boolean then
    return private.refuse(429, 'rate_limited', 'A code was just sent, or enough of them today. Wait before the next one.')
      || jsonb_build_object('limits', taken -> 'limits');
  end if;
  insert into private.quote_codes (family, workspace_id, code_hash, expires_at)
  values (meant.family, meant.workspace_id, private.code_hash(meant.family, _code), now() + life)
  on conflict (family) do update
  set code_hash = excluded.code_hash, tries = 0, expires_at = excluded.expires_at, confirmed_at = null;
  perform private.queue_email(
    meant.workspace_id, 'one-time-code', meant.customer ->> 'email', jsonb_build_object('code', _code, 'minutes', 10));
  return private.answer(jsonb_build_object('expires_in_seconds', 600, 'resend_after_seconds', 60), 202)
    || jsonb_build_object('limits', taken -> 'limits');
end
$$;

create function public.send_quote_code(caller uuid, quote_id uuid, token text, code text) returns jsonb
language sql
set search_path = ''
as $$
  select private.send_quote_code(caller, quote_id, token, code)
$$;

create function private.code_refusal(_family uuid, _code text) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  most_tries constant integer := 5;
  held private.quote_codes;
begin
  select * into held from private.quote_codes where family = _family for update;
  if held.confirmed_at is not null then
    return null;
  elsif _code is null then
    return private.refuse(403, 'code_needed', 'Confirm that the address is yours: ask for a code and send it along.');
  elsif not found or held.expires_at <= now() or held.tries >= most_tries then
    return private.refuse(422, 'code_invalid', 'This code doesn''t work. Ask for a new one.');
  end if;
  update private.quote_codes
  set tries = tries + 1, confirmed_at = case when code_hash = private.code_hash(_family, _code) then now() end
  where family = _family returning * into held;
  if held.confirmed_at is null then
    return private.refuse(422, 'code_invalid', 'This code doesn''t work. Ask for a new one.');
  end if;
  return null;
end
$$;
comment on function private.code_refusal is 'Null where the guest has proved it; a wrong code costs one of five tries.';

-- To an order ---------------------------------------------------------------------------------------------------------

create function private.order_lines_of(_price jsonb) returns jsonb
language sql immutable
set search_path = ''
as $$
  select jsonb_agg(
    (l.line - array['quantity']) || jsonb_build_object('kind', l.kind, 'quantity', l.line ->> 'quantity', 'unit', l.unit)
    order by l.kind = 'fee', l.position)
  from (
    select 'item' as kind, 'pcs' as unit, i.line, i.position
    from jsonb_array_elements(_price -> 'lines') with ordinality as i(line, position)
    union all
    select 'fee', null, f.line, f.position
    from jsonb_array_elements(_price -> 'setup') with ordinality as f(line, position)) as l
$$;
comment on function private.order_lines_of is 'A quote''s lines and set-up fees as an order''s lines.';

create function private.convert_quote(_caller uuid, _quote uuid, _token text, _code text, _tracking_token text)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  converted public.quotes := private.found_quote(_quote, _caller, _token);
  made public.orders;
  refusal jsonb;
begin
  if converted.id is null then
    return private.not_found();
  elsif converted.status = 'converted' then
    select * into made from public.orders where id = converted.order_id;
    return private.answer(jsonb_build_object(
      'order_id', made.id, 'order_number', made.number, 'tracking_token', null));
  elsif converted.status = 'expired' or converted.valid_until < private.today(converted.workspace_id) then
    return private.refuse(409, 'quote_expired', 'This quote is over. Revise it for today''s price.');
  elsif converted.status <> 'open' then
    return private.refuse(409, 'quote_not_open', 'This version of the quote is not open any more.');
  elsif private.quote_access(converted, _caller, _token) = 'guest' then
    refusal := private.code_refusal(converted.family, _code);
    if refusal is not null then
      return refusal;
    end if;
  end if;
  made := private.create_order(
    converted.workspace_id, converted.id, converted.user_id, converted.customer,
    converted.terms ->> 'summary', converted.currency::text, private.order_lines_of(converted.price),
    (converted.price ->> 'subtotal_minor')::bigint, converted.total_minor, (converted.price ->> 'deposit_minor')::bigint,
    converted.terms, (converted.terms ->> 'earliest_date')::date, _tracking_token);
  update public.quotes set status = 'converted', order_id = made.id where id = converted.id;
  perform private.audit(converted.workspace_id, _caller, 'quote.converted', converted.id::text,
    jsonb_build_object('order', made.id));
  return private.answer(jsonb_build_object(
    'order_id', made.id, 'order_number', made.number, 'tracking_token', _tracking_token), 201);
end
$$;
comment on function private.convert_quote is 'Once; whoever comes later is told the order that there is.';

create function public.convert_quote(caller uuid, quote_id uuid, token text, code text, tracking_token text) returns jsonb
language sql
set search_path = ''
as $$
  select private.convert_quote(caller, quote_id, token, code, tracking_token)
$$;

revoke execute on function
  private.keep_quote, private.today, private.quote_json, private.quote_role, private.no_quotes, private.quote_access, private.found_quote,
  private.quote_basis, public.quote_basis, private.brief_basis, public.brief_basis, private.new_quote,
  private.create_quote, public.create_quote,
  private.revise_quote, public.revise_quote, private.read_quote, public.read_quote, private.list_quotes,
  public.list_quotes, private.decline_quote, public.decline_quote, private.expire_quotes, public.expire_quotes,
  private.code_hash, private.send_quote_code, public.send_quote_code, private.code_refusal, private.order_lines_of,
  private.convert_quote, public.convert_quote
from public, anon, authenticated;
grant execute on function
  private.quote_basis, public.quote_basis, private.brief_basis, public.brief_basis, private.create_quote, public.create_quote, private.revise_quote,
  public.revise_quote, private.read_quote, public.read_quote, private.decline_quote, public.decline_quote,
  private.expire_quotes, public.expire_quotes, private.send_quote_code, public.send_quote_code, private.convert_quote,
  public.convert_quote
to service_role;
grant execute on function private.list_quotes, public.list_quotes to authenticated;
