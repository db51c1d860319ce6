-- What people do with invoices: make, issue, read, send, credit; and what our function and the reminder's job write down.
set lock_timeout = '5s';
set statement_timeout = '60s';

-- Who and what --------------------------------------------------------------------------------------------------------

create function private.seller_json(_workspace uuid) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'name', w.legal_name, 'address', coalesce(s.address, w.legal_address), 'postcode', s.postcode, 'city', s.city,
    'country', w.country, 'email', w.reply_to, 'registration', s.registration, 'iban', s.iban, 'bic', s.bic,
    'footer', s.footer, 'exempt_reason', s.exempt_reason, 'supplies', coalesce(s.supplies, 'goods'),
    'vat_id', s.vat_id, 'tax_number', coalesce(s.tax_number, nullif(w.tax_id, s.vat_id))))
  from public.workspaces as w
  left join private.invoice_settings as s on s.workspace_id = w.id
  where w.id = _workspace
$$;

create function private.seller_refusal(_seller jsonb, _category text) returns jsonb
language sql
set search_path = ''
as $$
  select case when missing <> '{}' then private.refuse(
    409, 'seller_incomplete', 'The seller must be named first: ' || array_to_string(missing, ', ') || '.') end
  from (
    select array_remove(array[
      case when _seller ->> 'name' is null then 'the workspace''s legal_name' end,
      case when _seller ->> 'address' is null then 'the workspace''s legal_address' end,
      case when _seller ->> 'country' is null then 'the workspace''s country' end,
      case
        when _category in ('AE', 'K', 'G') and _seller ->> 'vat_id' is null then
          'the VAT id of the invoice settings'
        when _category in ('S', 'Z', 'E') and _seller ->> 'vat_id' is null and _seller ->> 'tax_number' is null then
          'a VAT id or tax number in the invoice settings' end], null) as missing) as m
$$;
comment on function private.seller_refusal is 'EN 16931, BR-S-02, BR-Z-02, BR-E-02, BR-AE-02, BR-IC-02, BR-G-02.';

create function private.buyer_json(_order public.orders, _given jsonb) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_strip_nulls(
    jsonb_build_object(
      'name', coalesce(_order.customer ->> 'company', _order.customer ->> 'name', _order.customer ->> 'email'),
      'contact', case when _order.customer ? 'company' then _order.customer ->> 'name' end,
      'country', _order.customer ->> 'country', 'email', _order.customer ->> 'email')
    || coalesce((
      select i.content -> 'buyer' from public.invoices as i
      where i.order_id = _order.id and i.status = 'issued' order by i.issued_at desc limit 1), '{}')
    || coalesce(jsonb_strip_nulls(_given), '{}'))
$$;
comment on function private.buyer_json is 'The order''s customer, or who the order''s last invoice went to, with what is given in place of it.';

create function private.tax_reason(_category text, _language text) returns text
language sql immutable
set search_path = ''
as $$
  select r.reason
  from (values
    ('AE', 'en', 'Reverse charge: the customer accounts for the VAT'),
    ('AE', 'de', 'Steuerschuldnerschaft des Leistungsempfängers'),
    ('AE', 'fr', 'Autoliquidation'),
    ('K', 'en', 'VAT-exempt intra-community supply'),
    ('K', 'de', 'Steuerfreie innergemeinschaftliche Lieferung'),
    ('K', 'fr', 'Livraison intracommunautaire exonérée de TVA'),
    ('G', 'en', 'VAT-exempt export'),
    ('G', 'de', 'Steuerfreie Ausfuhrlieferung'),
    ('G', 'fr', 'Exportation exonérée de TVA'),
    ('O', 'en', 'Outside the scope of VAT'),
    ('O', 'de', 'Nicht steuerbar'),
    ('O', 'fr', 'Hors champ de la TVA')) as r(category, language, reason)
  where r.category = _category and r.language = _language
$$;

-- The lines -----------------------------------------------------------------------------------------------------------

create function private.ordered_lines(_order public.orders, _seller jsonb, _sale text, _line_taxes jsonb, _on date)
returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
    'of', o.position, 'description', o.line ->> 'description', 'detail', o.line ->> 'detail',
    'quantity', nullif(o.line ->> 'quantity', '0'), 'unit', o.line ->> 'unit', 'gross_minor', o.line -> 'amount_minor',
    'category', case when _sale <> 'S' then _sale when chosen.tax = 'exempt' then 'E' when chosen.tax = 'zero' then 'Z' else 'S' end,
    'rate', case
      when _sale <> 'S' or chosen.tax = 'exempt' then 0
      else coalesce(private.tax_rate(_seller ->> 'country', chosen.tax, _on), -1) end,
    'reason', case when _sale = 'S' and chosen.tax = 'exempt' then coalesce(chosen.reason, '') end)) order by o.position)
  from jsonb_array_elements(_order.lines) with ordinality as o(line, position)
  left join jsonb_to_recordset(_line_taxes) as t(line integer, tax text, reason text) on t.line = o.position
  cross join lateral (select coalesce(t.tax, o.line ->> 'tax', 'standard') as tax, t.reason) as chosen
$$;
comment on function private.ordered_lines is 'An order''s lines with the tax of each; the rate is -1 where the country has no such.';

create function private.deposit_lines(_ordered jsonb, _amount bigint, _total bigint, _description text) returns jsonb
language sql immutable
set search_path = ''
as $$
  -- By largest remainders, so that the shares add up to the deposit.
  with grouped as (
    select category, rate, min(reason) as reason, min("of") as first, sum(gross_minor) * _amount as share
    from jsonb_to_recordset(_ordered) as l("of" integer, category text, rate numeric, reason text, gross_minor numeric)
    group by category, rate
  ),
  shared as (
    select grouped.*, div(share - rest, _total) as whole, row_number() over (order by rest desc, first) as turn
    from grouped cross join lateral (select mod(mod(share, _total) + _total, _total) as rest) as r
  ),
  rounded as (
    select *, whole + case when turn <= _amount - (select sum(whole) from shared) then 1 else 0 end as gross_minor from shared
  )
  select jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
    'description', _description, 'category', category, 'rate', rate, 'reason', reason, 'gross_minor', gross_minor)) order by first)
  from rounded where gross_minor <> 0
$$;
comment on function private.deposit_lines is 'One line for each rate: what a deposit pays of every line.';

create function private.deducted_lines(_order public.orders) returns jsonb
language sql stable
set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
    'category', t.category, 'rate', t.rate, 'reason', t.reason,
    'gross_minor', -(t.gross_minor - coalesce(c.gross_minor, 0)), 'net_minor', -(t.net_minor - coalesce(c.net_minor, 0)),
    'deducts', jsonb_build_object('number', i.number, 'issued_on', i.issued_on))) order by i.number, t.place), '[]')
  from public.invoices as i
  cross join lateral rows from (jsonb_to_recordset(i.content -> 'taxes')
    as (category text, rate numeric, reason text, gross_minor bigint, net_minor bigint))
    with ordinality as t(category, rate, reason, gross_minor, net_minor, place)
  left join lateral (
    select sum(g.gross_minor) as gross_minor, sum(g.net_minor) as net_minor
    from public.invoices as n
    cross join lateral jsonb_to_recordset(n.content -> 'taxes')
      as g(category text, rate numeric, gross_minor bigint, net_minor bigint)
    where n.credits = i.id and g.category = t.category and g.rate = t.rate) as c on true
  where i.order_id = _order.id and private.is_live(i) and i.kind = 'deposit' and t.gross_minor <> coalesce(c.gross_minor, 0)
$$;
comment on function private.deducted_lines is 'What deposits'' invoices took, tax by tax, less what was credited of them.';

-- The document --------------------------------------------------------------------------------------------------------

create function private.word(_word text, _language text) returns text
language sql immutable
set search_path = ''
as $$
  select w.said
  from (values
    ('deposit', 'en', 'Deposit'), ('deposit', 'de', 'Anzahlung'), ('deposit', 'fr', 'Acompte'),
    ('deducted', 'en', 'Deposit already invoiced'), ('deducted', 'de', 'Bereits berechnete Anzahlung'),
    ('deducted', 'fr', 'Acompte déjà facturé'),
    ('vat', 'en', 'VAT'), ('vat', 'de', 'USt.'), ('vat', 'fr', 'TVA')) as w(word, language, said)
  where w.word = _word and w.language = _language
$$;

create function private.language_of(_locale text) returns text
language sql immutable
set search_path = ''
as $$
  select case when left(_locale, 2) in ('de', 'fr') then left(_locale, 2) else 'en' end
$$;

create function private.with_reasons(_taxed jsonb, _seller jsonb, _reason_code text, _language text) returns jsonb
language sql immutable
set search_path = ''
as $$
  select _taxed || jsonb_build_object('taxes', (
    select jsonb_agg(jsonb_strip_nulls(g.tax || jsonb_build_object(
      'reason', case
        when g.tax ->> 'category' = 'E' then coalesce(nullif((
          select string_agg(distinct l.line ->> 'reason', ' · ')
          from jsonb_array_elements(_taxed -> 'lines') as l(line) where l.line ->> 'category' = 'E'), ''), _seller ->> 'exempt_reason')
        else private.tax_reason(g.tax ->> 'category', _language) end,
      'reason_code', case when g.tax ->> 'category' in ('AE', 'K', 'G', 'O') then _reason_code end)) order by g.place)
    from jsonb_array_elements(_taxed -> 'taxes') with ordinality as g(tax, place)))
$$;

create function private.foreign_tax(_tax_minor bigint, _currency text, _seller jsonb, _rate text, _on date, out told jsonb, out refusal jsonb)
language plpgsql stable
set search_path = ''
as $$
declare
  home constant text := (select currency from private.tax_countries where country = _seller ->> 'country');
  rate constant numeric := coalesce(_rate, private.exchange_rate(_currency, home) ->> 'rate')::numeric;
begin
  if _tax_minor = 0 or home is null or home = _currency then
    return;
  elsif rate is null then
    refusal := private.refuse(409, 'exchange_rate_needed',
      'The tax must be told in the seller''s currency too, and its rate is not known: send tax_exchange_rate.');
    return;
  end if;
  told := jsonb_build_object('currency', home, 'rate', trim_scale(rate), 'tax_minor', round(
    _tax_minor * rate * 10.0 ^ (private.currency_decimals(home) - private.currency_decimals(_currency)))::bigint);
end
$$;

create function private.compose_invoice(_order public.orders, _kind text, _request jsonb, out content jsonb, out refusal jsonb)
language plpgsql stable
set search_path = ''
as $$
declare
  shop public.workspaces;
  today constant date := private.today(_order.workspace_id);
  seller constant jsonb := private.seller_json(_order.workspace_id);
  buyer constant jsonb := private.buyer_json(_order, _request -> 'buyer');
  -- What was said for earlier invoices of the order holds for the next, unless it is said anew; the latest counts.
  said constant jsonb := coalesce((
    select jsonb_object_agg(r.name, r.value order by i.issued_at)
    from public.invoices as i cross join lateral jsonb_each(i.request) as r(name, value)
    where i.order_id = _order.id and i.status = 'issued' and i.kind <> 'credit_note'), '{}') || jsonb_strip_nulls(_request);
  language text;
  sale record;
  lines jsonb;
  in_own_currency jsonb;
  shipped_on date;
begin
  select * into shop from public.workspaces where id = _order.workspace_id;
  language := coalesce(said ->> 'language', private.language_of(shop.locale));
  refusal := private.chain_refusal(_order, _kind);
  if refusal is not null then
    return;
  elsif _order.workflow_state in ('draft', 'cancelled') then
    refusal := private.refuse(409, 'order_not_invoiceable', 'An order is invoiced once it is placed and not cancelled.');
    return;
  elsif buyer ->> 'name' is null or buyer ->> 'country' is null then
    refusal := private.refuse(409, 'buyer_incomplete', 'An invoice names the buyer and their country: send them as buyer.');
    return;
  end if;
  select * into sale from private.sale_category(seller, buyer);
  refusal := private.seller_refusal(seller, sale.category);
  if refusal is not null then
    return;
  end if;

  lines := private.ordered_lines(_order, seller, sale.category, said -> 'line_taxes', today);
  if jsonb_path_exists(lines, '$[*] ? (@.rate < 0)') then
    refusal := private.refuse(422, 'unknown_tax', 'The seller''s country has no such rate of tax.');
    return;
  elsif jsonb_path_exists(lines, '$[*] ? (@.reason == "")') then
    refusal := private.refuse(422, 'reason_needed', 'Why a line is exempt from tax must be said.');
    return;
  end if;
  lines := case _kind
    when 'deposit' then private.deposit_lines(
      lines, private.deposit_amount(_order), _order.total_minor,
      left(private.word('deposit', language) || ' · ' || _order.number || ' · ' || _order.summary, 250))
    when 'balance' then lines || (
      select coalesce(jsonb_agg(jsonb_build_object('description', private.word('deducted', language)) || line order by position), '[]')
      from jsonb_array_elements(private.deducted_lines(_order)) with ordinality as d(line, position))
    else lines end;
  content := private.with_reasons(private.with_taxes(lines, _order.currency), seller, sale.reason_code, language);
  if _kind <> 'proforma' then
    select f.told, f.refusal into in_own_currency, refusal from private.foreign_tax(
      (content ->> 'tax_minor')::bigint, _order.currency, seller, said ->> 'tax_exchange_rate', today) as f;
    if refusal is not null then
      content := null;
      return;
    end if;
  end if;
  select max((h.at at time zone shop.time_zone)::date) into shipped_on
  from private.order_history as h where h.order_id = _order.id and h.kind = 'workflow' and h.to_state = 'shipped';
  content := jsonb_strip_nulls(content || jsonb_build_object(
    'kind', _kind, 'number', '', 'issued_on', today, 'order_number', _order.number, 'language', language, 'currency', _order.currency,
    'due_on', case when _kind <> 'proforma' then today + coalesce((
      select payment_days from private.invoice_settings where workspace_id = shop.id), 14) end,
    'delivered_on', case when _kind in ('balance', 'full') or sale.category = 'K' then coalesce(shipped_on, today) end,
    'seller', seller, 'buyer', buyer, 'foreign_tax', in_own_currency, 'colour', shop.colour, 'logo', shop.logo))
    || jsonb_build_object('notes', coalesce(said -> 'notes', '[]'));
end
$$;
comment on function private.compose_invoice is
  'All that an invoice of this kind would say today but its number; or why there is none. Prices of orders include what '
  'tax there is, for what an order comes to is what is paid for it.';

-- Telling -------------------------------------------------------------------------------------------------------------

create function private.invoice_state(_invoice public.invoices) returns text
language sql stable
set search_path = ''
as $$
  select case
    when _invoice.status <> 'issued' then _invoice.status
    when _invoice.kind in ('proforma', 'credit_note') then 'issued'
    when not private.is_live(_invoice) then 'credited'
    when _invoice.paid_on is not null or _invoice.payable_minor = 0 then 'paid'
    when _invoice.due_on < private.today(_invoice.workspace_id) then 'overdue'
    else 'issued' end
$$;

create function private.invoice_json(_invoice public.invoices) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'id', _invoice.id, 'order_id', _invoice.order_id, 'kind', _invoice.kind, 'number', _invoice.number,
    'status', private.invoice_state(_invoice),
    'credits', _invoice.credits, 'issued_on', _invoice.issued_on, 'due_on', _invoice.due_on, 'paid_on', _invoice.paid_on,
    'buyer_name', _invoice.content -> 'buyer' -> 'name',
    'payable', private.amount_json(_invoice.payable_minor, _invoice.currency),
    'paid', private.amount_json(_invoice.paid_minor, _invoice.currency),
    'credited', private.amount_json(_invoice.credited_minor, _invoice.currency),
    'sent_at', private.rfc3339(_invoice.sent_at), 'created_at', private.rfc3339(_invoice.created_at))
$$;

create function private.invoice_detail_json(_invoice public.invoices, _content jsonb default null) returns jsonb
language sql stable
set search_path = ''
as $$
  select private.invoice_json(_invoice) || jsonb_build_object(
    'content', coalesce(_invoice.content, _content),
    'document', case when _invoice.status = 'issued' then (
      select jsonb_build_object(
        'state', case when d.path is null then 'pending' else 'ready' end, 'sha256', encode(d.sha256, 'hex'), 'bytes', d.bytes,
        'rendered_at', private.rfc3339(d.rendered_at))
      from (select) as always
      left join private.invoice_documents as d
        on d.invoice_id = _invoice.id and d.paid_on is not distinct from _invoice.paid_on) end)
$$;

create function private.invoice_scope(_invoice public.invoices) returns text
language sql stable
set search_path = ''
as $$
  select held.scope
  from private.permission_scope(_invoice.workspace_id, 'invoices.read') as held(scope)
  where _invoice.id is not null and case held.scope
    when 'all' then true
    when 'own' then _invoice.status = 'issued' and exists (
      select from public.orders where id = _invoice.order_id and buyer_id = auth.uid()) end
$$;

create function private.invoice_refusal(_invoice public.invoices, _asked uuid, _permission text default 'invoices.read') returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  if private.invoice_scope(_invoice) is null then
    perform private.audit_denial(private.platform(), auth.uid(), _asked::text, jsonb_build_object('permission', _permission));
    return private.not_found();
  end if;
  return private.refusal(_invoice.workspace_id, _permission);
end
$$;
comment on function private.invoice_refusal is 'Null for whoever may; alike for an invoice of others and for none.';

-- Making --------------------------------------------------------------------------------------------------------------

create function private.number_invoice(_invoice public.invoices, _content jsonb) returns public.invoices
language plpgsql
set search_path = ''
as $$
declare
  issued public.invoices := _invoice;
  of_order public.orders;
begin
  issued.status := 'issued';
  issued.number := private.next_number(_invoice.workspace_id, private.invoice_series(_invoice.kind));
  issued.content := _content || jsonb_build_object('number', issued.number);
  issued.issued_on := (_content ->> 'issued_on')::date;
  issued.due_on := (_content ->> 'due_on')::date;
  issued.payable_minor := (_content ->> 'payable_minor')::bigint;
  delete from public.invoices where id = issued.id;  -- the draft that it was
  insert into public.invoices select issued.* returning * into issued;
  perform private.enqueue('invoice', jsonb_build_object('invoice', issued.id), issued.workspace_id);
  perform private.audit(issued.workspace_id, issued.created_by, 'invoice.issued', issued.id::text, jsonb_build_object(
    'number', issued.number, 'kind', issued.kind, 'payable_minor', issued.payable_minor));
  select * into of_order from public.orders where id = issued.order_id;
  perform private.settle_invoices(of_order);
  select * into issued from public.invoices where id = issued.id;
  return issued;
end
$$;
comment on function private.number_invoice is
  'Issues what was composed. Nothing is rendered here: everybody else who issues in this workspace waits for the commit.';

create function private.new_invoice(_order public.orders, _kind text, _request jsonb, _by uuid) returns public.invoices
language sql
set search_path = ''
as $$
  select jsonb_populate_record(null::public.invoices, jsonb_build_object(
    'id', gen_random_uuid(), 'workspace_id', _order.workspace_id, 'order_id', _order.id, 'kind', _kind, 'status', 'draft',
    'request', _request, 'currency', _order.currency, 'created_by', _by, 'created_at', clock_timestamp(),
    'credited_minor', 0, 'paid_minor', 0, 'mail_wanted', false, 'reminded_days', 0))
$$;

create function private.create_invoice(_caller uuid, _order uuid, _kind text, _request jsonb, _draft boolean) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_order public.orders;
  made public.invoices;
  composed record;
  refusal jsonb;
begin
  select * into of_order from public.orders where id = _order for update;
  if of_order.id is null or not private.is_member(of_order.workspace_id, _caller) then
    perform private.audit_denial(private.platform(), _caller, _order::text, '{"permission": "invoices.write"}');
    return private.not_found();
  end if;
  refusal := private.refusal(of_order.workspace_id, 'invoices.write', _caller);
  if refusal is not null then
    return refusal;
  end if;
  select * into composed from private.compose_invoice(of_order, _kind, _request);
  if composed.refusal is not null then
    return composed.refusal;
  end if;
  made := private.new_invoice(of_order, _kind, _request, _caller);
  if not _draft then
    return private.answer(private.invoice_detail_json(private.number_invoice(made, composed.content)), 201);
  end if;
  insert into public.invoices select made.*;
  perform private.audit(made.workspace_id, _caller, 'invoice.drafted', made.id::text, jsonb_build_object('kind', _kind));
  return private.answer(private.invoice_detail_json(made, composed.content), 201);
end
$$;

create function public.create_invoice(caller uuid, order_id uuid, kind text, request jsonb, draft boolean) returns jsonb
language sql
set search_path = ''
as $$
  select private.create_invoice(caller, order_id, kind, request, draft)
$$;
comment on function public.create_invoice is 'For our function alone, which knows what a VAT id is.';

create function private.locked_invoice(_invoice uuid) returns public.invoices
language plpgsql
set search_path = ''
as $$
declare
  locked public.invoices;
begin
  -- The order first, as payments lock them.
  perform from public.orders where id = (select order_id from public.invoices where id = _invoice) for update;
  select * into locked from public.invoices where id = _invoice for update;
  return locked;
end
$$;

create function private.issue_invoice(_invoice uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  draft public.invoices := private.locked_invoice(_invoice);
  refusal jsonb := private.invoice_refusal(draft, _invoice, 'invoices.write');
  composed record;
begin
  if refusal is not null then
    return refusal;
  elsif draft.status <> 'draft' then
    return private.refuse(409, 'not_a_draft', 'Only a draft is issued or voided.');
  end if;
  select c.* into composed
  from public.orders as o cross join lateral private.compose_invoice(o, draft.kind, draft.request) as c
  where o.id = draft.order_id;
  if composed.refusal is not null then
    return composed.refusal;
  end if;
  draft.created_by := auth.uid();
  return private.answer(private.invoice_detail_json(private.number_invoice(draft, composed.content)));
end
$$;
comment on function private.issue_invoice is 'A draft is composed anew: it says what is so on the day that it is issued.';

create function public.issue_invoice(invoice_id uuid) returns jsonb
language sql
set search_path = ''
as $$
  select private.issue_invoice(invoice_id)
$$;

create function private.void_invoice(_invoice uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  draft public.invoices := private.locked_invoice(_invoice);
  refusal jsonb := private.invoice_refusal(draft, _invoice, 'invoices.write');
begin
  if refusal is not null then
    return refusal;
  elsif draft.status = 'issued' then
    return private.refuse(409, 'not_a_draft', 'Only a draft is issued or voided.');
  end if;
  update public.invoices set status = 'void' where id = _invoice and status = 'draft';
  perform private.audit(draft.workspace_id, auth.uid(), 'invoice.voided', _invoice::text);
  select * into draft from public.invoices where id = _invoice;
  return private.answer(private.invoice_detail_json(draft));
end
$$;

create function public.void_invoice(invoice_id uuid) returns jsonb
language sql
set search_path = ''
as $$
  select private.void_invoice(invoice_id)
$$;

-- Crediting -----------------------------------------------------------------------------------------------------------

create function private.uncredited_lines(_invoice public.invoices) returns jsonb
language sql stable
set search_path = ''
as $$
  with credited as (
    select c."of", sum(c.gross_minor) as gross_minor, sum(c.quantity) as quantity,
      count(*) filter (where c.quantity is null) as by_amount
    from public.invoices as n
    cross join lateral jsonb_to_recordset(n.content -> 'lines') as c("of" integer, gross_minor bigint, quantity numeric)
    where n.credits = _invoice.id group by c."of"
  )
  select jsonb_agg(
    case when not exists (select from credited) then l.line else jsonb_strip_nulls(l.line - 'net_minor' || jsonb_build_object(
      'gross_minor', (l.line ->> 'gross_minor')::bigint - coalesce(c.gross_minor, 0),
      -- Of what was credited by amounts it isn't known how many that were.
      'quantity', case when coalesce(c.by_amount, 0) = 0 then trim_scale(nullif(
        (l.line ->> 'quantity')::numeric - coalesce(c.quantity, 0), 0))::text end)) end
    || jsonb_build_object('of', l.line -> 'position') order by l.place)
  from jsonb_array_elements(_invoice.content -> 'lines') with ordinality as l(line, place)
  left join credited as c on c."of" = (l.line ->> 'position')::integer
$$;
comment on function private.uncredited_lines is 'An invoice''s lines, less what was credited of each; of one never credited to the unit as it was.';

create function private.uncredited_taxes(_invoice public.invoices) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_agg(jsonb_build_object(
    'category', t.category, 'rate', t.rate, 'gross_minor', t.gross_minor - coalesce(c.gross, 0),
    'most_net', t.net_minor - coalesce(c.net, 0), 'most_tax', t.tax_minor - coalesce(c.tax, 0)))
  from jsonb_to_recordset(_invoice.content -> 'taxes')
    as t(category text, rate numeric, gross_minor bigint, net_minor bigint, tax_minor bigint)
  left join lateral (
    select sum(g.gross_minor) as gross, sum(g.net_minor) as net, sum(g.tax_minor) as tax
    from public.invoices as n
    cross join lateral jsonb_to_recordset(n.content -> 'taxes')
      as g(category text, rate numeric, gross_minor bigint, net_minor bigint, tax_minor bigint)
    where n.credits = _invoice.id and g.category = t.category and g.rate = t.rate) as c on true
$$;

create function private.credited_lines(_invoice public.invoices, _wanted jsonb) returns jsonb
language sql stable
set search_path = ''
as $$
  select coalesce(jsonb_agg(
    jsonb_strip_nulls(l.line - array['net_minor', 'quantity'] || jsonb_build_object(
      'gross_minor', case
        when w.amount_minor is not null then w.amount_minor
        when w.quantity <> rest.quantity then
          -- From share to share of the whole, so that the last one is what is left.
          round(gross * (whole.quantity - rest.quantity + w.quantity) / whole.quantity)::bigint
          - round(gross * (whole.quantity - rest.quantity) / whole.quantity)::bigint
        else (l.line ->> 'gross_minor')::bigint end,
      'quantity', case when w.amount_minor is null then coalesce(trim_scale(w.quantity)::text, l.line ->> 'quantity') end))
    order by w.line), '[]')
  from jsonb_to_recordset(_wanted) as w(line integer, quantity numeric, amount_minor bigint)
  join jsonb_array_elements(private.uncredited_lines(_invoice)) as l(line) on (l.line ->> 'of')::integer = w.line
  join jsonb_array_elements(_invoice.content -> 'lines') as o(line) on (o.line ->> 'position')::integer = w.line
  cross join lateral (select (o.line ->> 'quantity')::numeric, (o.line ->> 'gross_minor')::numeric) as whole(quantity, gross)
  cross join lateral (select coalesce((l.line ->> 'quantity')::numeric, whole.quantity)) as rest(quantity)
  where not l.line ? 'deducts' and (w.quantity is null or o.line ? 'quantity')
$$;
comment on function private.credited_lines is '[{line, quantity or amount_minor or neither: all of it}] as lines of a credit note.';

create function private.is_part(_part numeric, _whole numeric) returns boolean
language sql immutable
set search_path = ''
as $$
  select _part between least(_whole, 0) and greatest(_whole, 0)
$$;

create function private.credits_too_much(_invoice public.invoices, _content jsonb) returns boolean
language sql stable
set search_path = ''
as $$
  select not private.is_live(_invoice) or (_content ->> 'payable_minor')::bigint between
      least(_invoice.payable_minor, 1) and _invoice.payable_minor - _invoice.credited_minor is not true
    or exists (
      select from (
        select "of", sum(gross_minor) as gross
        from jsonb_to_recordset(_content -> 'lines') as l("of" integer, gross_minor bigint) group by "of") as wanted
      left join jsonb_to_recordset(private.uncredited_lines(_invoice)) as l("of" integer, gross_minor bigint) using ("of")
      where private.is_part(wanted.gross, l.gross_minor) is not true)
    or exists (
      select from jsonb_to_recordset(_content -> 'taxes')
        as wanted(category text, rate numeric, gross_minor bigint, net_minor bigint, tax_minor bigint)
      left join jsonb_to_recordset(private.uncredited_taxes(_invoice))
        as t(category text, rate numeric, gross_minor bigint, most_net bigint, most_tax bigint) using (category, rate)
      where (private.is_part(wanted.gross_minor, t.gross_minor) and private.is_part(wanted.net_minor, t.most_net)
        and private.is_part(wanted.tax_minor, t.most_tax)) is not true)
$$;
comment on function private.credits_too_much is
  'Whether a credit note is more than what is left of the invoice: of a line, of a rate, of its tax, of the whole.';

create function private.credit_invoice(_invoice uuid, _lines jsonb, _reason text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  credited public.invoices := private.locked_invoice(_invoice);
  refusal jsonb := private.invoice_refusal(credited, _invoice, 'invoices.write');
  of_order public.orders;
  lines jsonb;
  content jsonb;
  other_tax jsonb;
begin
  if refusal is not null then
    return refusal;
  elsif private.is_plain(_reason, 200) is not true then
    return private.refuse(422, 'invalid_reason', 'A credit note says why: one line of at most 200 characters.');
  elsif credited.status <> 'issued' or credited.kind in ('proforma', 'credit_note') then
    return private.refuse(409, 'not_creditable', 'Only an issued invoice is credited.');
  elsif credited.kind = 'deposit' and exists (
      select from public.invoices as i
      where i.order_id = credited.order_id and private.is_live(i) and i.kind <> 'deposit') then
    return private.refuse(409, 'deducted_already', 'The final invoice deducts this one: credit that first.');
  end if;
  select * into of_order from public.orders where id = credited.order_id;

  lines := case when _lines is null then private.uncredited_lines(credited) else private.credited_lines(credited, _lines) end;
  if _lines is not null and (_lines = '[]' or jsonb_array_length(lines) <> jsonb_array_length(_lines)) then
    return private.refuse(422, 'unknown_line', 'Lines are those of the invoice by their position, with a quantity where it has one.');
  end if;
  select jsonb_agg(line order by position) into lines
  from jsonb_array_elements(lines) with ordinality as l(line, position)
  where (line ->> 'gross_minor')::bigint <> 0 or (_lines is null and credited.credited_minor = 0);
  content := private.with_taxes(lines, credited.currency, private.uncredited_taxes(credited));
  if private.credits_too_much(credited, content) then
    return private.refuse(409, 'credit_too_large', 'That is more than was invoiced and not credited yet.');
  end if;

  content := private.with_reasons(content, credited.content -> 'seller', (
    select t.reason_code from jsonb_to_recordset(credited.content -> 'taxes') as t(reason_code text) limit 1),
    credited.content ->> 'language');
  -- From sum to sum, so that all credits together come to what was told.
  select later.told || jsonb_build_object(
      'tax_minor', (later.told ->> 'tax_minor')::bigint - coalesce((earlier.told ->> 'tax_minor')::bigint, 0))
  into other_tax
  from (
    select coalesce(sum((n.content ->> 'tax_minor')::bigint), 0)::bigint as tax_minor
    from public.invoices as n where n.credits = _invoice) as before
  cross join lateral private.foreign_tax(
    before.tax_minor, credited.currency, credited.content -> 'seller', credited.content -> 'foreign_tax' ->> 'rate',
    credited.issued_on) as earlier
  cross join lateral private.foreign_tax(
    before.tax_minor + (content ->> 'tax_minor')::bigint, credited.currency, credited.content -> 'seller',
    credited.content -> 'foreign_tax' ->> 'rate', credited.issued_on) as later
  where (content ->> 'tax_minor')::bigint <> 0;
  content := jsonb_strip_nulls((credited.content - array['due_on', 'notes', 'foreign_tax']) || content || jsonb_build_object(
    'kind', 'credit_note', 'issued_on', private.today(credited.workspace_id), 'reason', _reason, 'foreign_tax', other_tax,
    'credits', jsonb_build_object('number', credited.number, 'issued_on', credited.issued_on)));
  credited := jsonb_populate_record(
    private.new_invoice(of_order, 'credit_note', jsonb_build_object('lines', _lines, 'reason', _reason), auth.uid()),
    jsonb_build_object('credits', _invoice));
  return private.answer(private.invoice_detail_json(private.number_invoice(credited, content)), 201);
end
$$;
comment on function private.credit_invoice is
  'A credit note for all that is left, or for some lines. Never more than was invoiced: of a line, of a rate, of its tax, '
  'of the whole.';

create function public.credit_invoice(invoice_id uuid, lines jsonb, reason text) returns jsonb
language sql
set search_path = ''
as $$
  select private.credit_invoice(invoice_id, lines, reason)
$$;

-- Reading -------------------------------------------------------------------------------------------------------------

create function private.list_invoices(
  _workspace uuid, _status text, _kind text, _order uuid, _after uuid, _limit integer) returns jsonb
language plpgsql security definer
set search_path = ''
set plan_cache_mode = force_custom_plan
as $$
declare
  workspace uuid := coalesce(_workspace, private.default_workspace());
  refusal jsonb := private.refusal(workspace, 'invoices.read');
  scope text := private.permission_scope(workspace, 'invoices.read');
  last public.invoices;
begin
  if refusal is not null then
    return refusal;
  end if;
  select * into last from public.invoices as i
  where i.id = _after and i.workspace_id = workspace and private.invoice_scope(i) is not null;
  return private.answer((
    select coalesce(jsonb_agg(private.invoice_json(page) order by page.created_at desc, page.id desc), '[]')
    from (
      select i.* from public.invoices as i
      where i.workspace_id = workspace
        and (scope = 'all' or i.status = 'issued' and i.order_id in (
          select o.id from public.orders as o where o.buyer_id = auth.uid() and o.workspace_id = workspace))
        and (_status is null or private.invoice_state(i) = _status)
        and (_kind is null or i.kind = _kind)
        and (_order is null or i.order_id = _order)
        and (_after is null or (i.created_at, i.id) < (last.created_at, last.id))
      order by i.created_at desc, i.id desc limit least(_limit, 101)
    ) as page));
end
$$;

create function public.list_invoices(
  workspace_id uuid default null, status text default null, kind text default null, order_id uuid default null,
  after uuid default null, page_size integer default 51
) returns jsonb
language sql
set search_path = ''
as $$
  select private.list_invoices(workspace_id, status, kind, order_id, after, page_size)
$$;

create function private.read_invoice(_invoice uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  found_one public.invoices;
  composed jsonb;
  refusal jsonb;
begin
  select * into found_one from public.invoices where id = _invoice;
  refusal := private.invoice_refusal(found_one, _invoice);
  if refusal is not null then
    return refusal;
  elsif found_one.status = 'draft' then
    select c.content into composed
    from public.orders as o cross join lateral private.compose_invoice(o, found_one.kind, found_one.request) as c
    where o.id = found_one.order_id;
  end if;
  return private.answer(private.invoice_detail_json(found_one, composed));
end
$$;
comment on function private.read_invoice is 'A draft tells what it would say today; null where it could not be issued any more.';

create function public.read_invoice(invoice_id uuid) returns jsonb
language sql
set search_path = ''
as $$
  select private.read_invoice(invoice_id)
$$;

-- The seller ----------------------------------------------------------------------------------------------------------

create function private.invoice_settings_json(_workspace uuid) returns jsonb
language sql stable
set search_path = ''
as $$
  select to_jsonb(jsonb_populate_record(s, '{}')) - 'workspace_id' || jsonb_build_object(
    'supplies', coalesce(s.supplies, 'goods'), 'payment_days', coalesce(s.payment_days, 14),
    'seller', private.seller_json(_workspace))
  from (select) as always
  left join private.invoice_settings as s on s.workspace_id = _workspace
$$;

create function private.read_invoice_settings(_workspace uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  workspace uuid := coalesce(_workspace, private.default_workspace());
  refusal jsonb := private.refusal(workspace, 'invoices.write');
begin
  if refusal is not null then
    return refusal;
  end if;
  return private.answer(private.invoice_settings_json(workspace));
end
$$;

create function public.read_invoice_settings(workspace_id uuid default null) returns jsonb
language sql
set search_path = ''
as $$
  select private.read_invoice_settings(workspace_id)
$$;

create function private.change_invoice_settings(_caller uuid, _workspace uuid, _settings jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  wanted private.invoice_settings := jsonb_populate_record(null::private.invoice_settings, _settings);
  refusal jsonb := private.refusal(_workspace, 'workspace.manage', _caller);
begin
  if refusal is not null then
    return refusal;
  end if;
  insert into private.invoice_settings as s (
    workspace_id, address, postcode, city, vat_id, tax_number, registration, iban, bic, footer, exempt_reason, supplies, payment_days)
  values (
    _workspace, wanted.address, wanted.postcode, wanted.city, wanted.vat_id, wanted.tax_number, wanted.registration,
    wanted.iban, wanted.bic, wanted.footer, wanted.exempt_reason, wanted.supplies, wanted.payment_days)
  on conflict (workspace_id) do update set
    address = excluded.address, postcode = excluded.postcode, city = excluded.city, vat_id = excluded.vat_id,
    tax_number = excluded.tax_number, registration = excluded.registration, iban = excluded.iban, bic = excluded.bic,
    footer = excluded.footer, exempt_reason = excluded.exempt_reason, supplies = excluded.supplies,
    payment_days = excluded.payment_days, revision = s.revision + 1;
  perform private.audit(_workspace, _caller, 'invoice_settings.changed', _workspace::text);
  return private.answer(private.invoice_settings_json(_workspace));
end
$$;

create function public.change_invoice_settings(caller uuid, workspace_id uuid, settings jsonb) returns jsonb
language sql
set search_path = ''
as $$
  select private.change_invoice_settings(caller, workspace_id, settings)
$$;
comment on function public.change_invoice_settings is 'For our function alone, which knows what a VAT id and an IBAN are.';

revoke execute on function
  private.seller_json, private.seller_refusal, private.buyer_json, private.tax_reason, private.ordered_lines,
  private.deposit_lines, private.deducted_lines, private.word, private.language_of, private.with_reasons, private.foreign_tax,
  private.compose_invoice, private.invoice_state, private.invoice_json, private.invoice_detail_json, private.invoice_scope,
  private.invoice_refusal, private.number_invoice, private.new_invoice, private.create_invoice, public.create_invoice,
  private.locked_invoice,
  private.issue_invoice, public.issue_invoice, private.void_invoice, public.void_invoice, private.uncredited_lines,
  private.uncredited_taxes, private.credited_lines, private.credits_too_much, private.is_part, private.credit_invoice,
  public.credit_invoice, private.list_invoices, public.list_invoices, private.read_invoice, public.read_invoice,
  private.invoice_settings_json, private.read_invoice_settings, public.read_invoice_settings,
  private.change_invoice_settings, public.change_invoice_settings
from public, anon, authenticated;
grant execute on function
  private.issue_invoice, public.issue_invoice, private.void_invoice, public.void_invoice, private.credit_invoice,
  public.credit_invoice, private.list_invoices, public.list_invoices, private.read_invoice, public.read_invoice,
  private.read_invoice_settings, public.read_invoice_settings
to authenticated;
grant execute on function
  private.create_invoice, public.create_invoice, private.change_invoice_settings, public.change_invoice_settings
to service_role;
