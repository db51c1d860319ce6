-- An invoice on its way: its documents, the mails that carry it, and reminders.
set lock_timeout = '5s';
set statement_timeout = '60s';

create function private.invoice_path(_invoice public.invoices, _paid_on date) returns text
language sql immutable
set search_path = ''
as $$
  select _invoice.workspace_id || '/' || _invoice.id || '/' || _invoice.number
    || coalesce('-paid-' || to_char(_paid_on, 'YYYY-MM-DD'), '') || '.pdf'
$$;

create function private.mail_invoice(_invoice public.invoices, _path text, _overdue_days integer default null) returns void
language plpgsql
set search_path = ''
as $$
declare
  recipient constant text := coalesce(_invoice.content -> 'buyer' ->> 'email', (
    select customer ->> 'email' from public.orders where id = _invoice.order_id));
  c constant jsonb := _invoice.content;
  about jsonb := jsonb_build_object(
    'number', _invoice.number, 'recipient_name', private.mail_line(coalesce(c -> 'buyer' ->> 'contact', c -> 'buyer' ->> 'name')),
    'issued_on', _invoice.issued_on, 'total', private.amount_json(_invoice.payable_minor, _invoice.currency), 'attached', true);
begin
  if recipient is null then
    return;  -- forgotten
  elsif _invoice.kind = 'credit_note' then
    about := about || jsonb_build_object(
      'invoice_number', c -> 'credits' ->> 'number', 'reason', c ->> 'reason', 'refunded', coalesce((
        select refunded_minor > 0 from public.orders where id = _invoice.order_id), false));
  else
    about := about || jsonb_build_object(
      'kind', _invoice.kind, 'order_number', c ->> 'order_number', 'due_on', case when _invoice.paid_on is null then _invoice.due_on end,
      'overdue_days', _overdue_days, 'reference', _invoice.number,
      'subtotal', private.amount_json((c ->> 'net_minor')::bigint, _invoice.currency),
      'taxes', (
        select coalesce(jsonb_agg(jsonb_build_object(
          'description', private.word('vat', c ->> 'language') || ' ' || trim_scale(rate) || ' %',
          'amount', private.amount_json(tax_minor, _invoice.currency))), '[]')
        from jsonb_to_recordset(c -> 'taxes') as t(rate numeric, tax_minor bigint) where tax_minor <> 0),
      'paid', private.amount_json(nullif(_invoice.paid_minor, 0), _invoice.currency),
      'due', private.amount_json(case _invoice.kind when 'proforma' then _invoice.payable_minor
        else _invoice.payable_minor - _invoice.credited_minor - _invoice.paid_minor end, _invoice.currency),
      'bank', case when c -> 'seller' ? 'iban' and _invoice.paid_on is null then jsonb_strip_nulls(jsonb_build_object(
        'holder', private.mail_line(c -> 'seller' ->> 'name'), 'iban', c -> 'seller' ->> 'iban', 'bic', c -> 'seller' ->> 'bic')) end);
  end if;
  perform private.queue_email(
    _invoice.workspace_id, case _invoice.kind when 'credit_note' then 'credit-note' else 'invoice' end, recipient,
    jsonb_strip_nulls(about), 'invoice ' || _invoice.id, null,
    jsonb_build_array(jsonb_build_object(
      'bucket', 'invoices', 'path', _path, 'name', substring(_path from '[^/]+$'))));
  update public.invoices set sent_at = clock_timestamp(), mail_wanted = false where id = _invoice.id;
end
$$;
comment on function private.mail_invoice is 'With its document attached; as a reminder where it is overdue.';

-- Documents -----------------------------------------------------------------------------------------------------------

create function private.document_json(_invoice public.invoices, _paid_on date) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'invoice_id', _invoice.id, 'number', _invoice.number, 'content', _invoice.content, 'paid_on', _paid_on,
    'path', private.invoice_path(_invoice, _paid_on), 'sha256', encode(d.sha256, 'hex'), 'bytes', d.bytes)
  from (select) as always
  left join private.invoice_documents as d on d.invoice_id = _invoice.id and d.paid_on is not distinct from _paid_on
$$;

create function private.read_invoice_document(_invoice uuid, _original boolean) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  found_one public.invoices;
  refusal jsonb;
begin
  select * into found_one from public.invoices where id = _invoice;
  refusal := private.invoice_refusal(found_one, _invoice);
  if refusal is not null then
    return refusal;
  elsif found_one.status <> 'issued' then
    return private.refuse(409, 'not_issued', 'A draft has no document: issue it first.');
  end if;
  return private.answer(private.document_json(found_one, case when not _original then found_one.paid_on end));
end
$$;
comment on function private.read_invoice_document is
  'What is typeset and where it is kept; sha256 is null until it is. The copy with the stamp once it is paid, or the original.';

create function public.read_invoice_document(invoice_id uuid, original boolean) returns jsonb
language sql
set search_path = ''
as $$
  select private.read_invoice_document(invoice_id, original)
$$;

create function private.documents_to_render(_delivery uuid) returns jsonb
language sql stable security definer
set search_path = ''
as $$
  select coalesce(jsonb_agg(private.document_json(i, (o.payload ->> 'paid_on')::date) || jsonb_build_object('outbox_id', o.id)
    order by o.position), '[]')
  from private.outbox as o
  join public.invoices as i on i.id = (o.payload ->> 'invoice')::uuid
  where o.delivery = _delivery
$$;

create function public.documents_to_render(delivery uuid) returns jsonb
language sql
set search_path = ''
as $$
  select private.documents_to_render(delivery)
$$;

create function private.keep_invoice_document(_invoice uuid, _paid_on date, _sha256 text, _bytes integer) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  of_invoice public.invoices := private.locked_invoice(_invoice);
  kept private.invoice_documents;
  mailed constant boolean := of_invoice.mail_wanted and of_invoice.paid_on is not distinct from _paid_on;
begin
  insert into private.invoice_documents (invoice_id, paid_on, path, sha256, bytes)
  values (_invoice, _paid_on, private.invoice_path(of_invoice, _paid_on), decode(_sha256, 'hex'), _bytes)
  on conflict do nothing;
  select * into kept from private.invoice_documents where invoice_id = _invoice and paid_on is not distinct from _paid_on;
  if mailed then
    perform private.mail_invoice(of_invoice, kept.path);
  end if;
  return jsonb_build_object('sha256', encode(kept.sha256, 'hex'), 'bytes', kept.bytes, 'mailed', mailed);
end
$$;
comment on function private.keep_invoice_document is
  'Written down once it is stored; the first one stays. A mail that waits for it is queued in the same transaction.';

create function public.keep_invoice_document(invoice_id uuid, paid_on date, sha256 text, bytes integer) returns jsonb
language sql
set search_path = ''
as $$
  select private.keep_invoice_document(invoice_id, paid_on, sha256, bytes)
$$;

-- Sending -------------------------------------------------------------------------------------------------------------

create function private.send_invoice(_invoice uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  sent public.invoices := private.locked_invoice(_invoice);
  refusal jsonb := private.invoice_refusal(sent, _invoice, 'invoices.write');
  kept_at text;
begin
  if refusal is not null then
    return refusal;
  elsif sent.status <> 'issued' then
    return private.refuse(409, 'not_issued', 'A draft has no document: issue it first.');
  elsif coalesce(sent.content -> 'buyer' ->> 'email', (
      select customer ->> 'email' from public.orders where id = sent.order_id)) is null then
    return private.refuse(409, 'no_recipient', 'There is no address to send it to.');
  end if;
  select d.path into kept_at from private.invoice_documents as d
  where d.invoice_id = _invoice and d.paid_on is not distinct from sent.paid_on;
  if kept_at is null then
    update public.invoices set mail_wanted = true where id = _invoice;
  else
    perform private.mail_invoice(sent, kept_at);
  end if;
  perform private.audit(sent.workspace_id, auth.uid(), 'invoice.sent', _invoice::text, jsonb_build_object('number', sent.number));
  select * into sent from public.invoices where id = _invoice;
  return private.answer(private.invoice_detail_json(sent), 202);
end
$$;
comment on function private.send_invoice is 'To the buyer, with the document: at once, or as soon as it is rendered.';

create function public.send_invoice(invoice_id uuid) returns jsonb
language sql
set search_path = ''
as $$
  select private.send_invoice(invoice_id)
$$;

-- Reminding -----------------------------------------------------------------------------------------------------------

create function private.remind_invoices(_most integer) returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  after_days constant integer[] := '{7,14,30}';
  due record;
  reminded public.invoices;
  told integer := 0;
begin
  -- Waits for no order while it holds a counter of mails, and takes the counters in one order.
  for due in
    select i.id, d.path, private.today(i.workspace_id) - i.due_on as days
    from public.invoices as i
    join public.orders as o on o.id = i.order_id
    join private.invoice_documents as d on d.invoice_id = i.id and d.paid_on is null  -- else once it is rendered
    where i.status = 'issued' and i.due_on < current_date and i.paid_on is null and private.is_live(i)
      and i.payable_minor - i.credited_minor > i.paid_minor
      -- Whoever was given money back, or whose order was cancelled, is written to by people.
      and o.refunded_minor = 0 and o.workflow_state <> 'cancelled'
      and exists (select from unnest(after_days) as a(days) where a.days > i.reminded_days and a.days <= private.today(i.workspace_id) - i.due_on)
    order by i.workspace_id, i.id limit _most
    for update of o skip locked
  loop
    reminded := private.locked_invoice(due.id);
    continue when reminded.payable_minor - reminded.credited_minor <= reminded.paid_minor or not exists (
      select from unnest(after_days) as a(days) where a.days > reminded.reminded_days and a.days <= due.days);
    update public.invoices set reminded_days = due.days where id = due.id returning * into reminded;
    perform private.mail_invoice(reminded, due.path, due.days);
    told := told + 1;
  end loop;
  return told;
end
$$;
comment on function private.remind_invoices is
  'Invoices overdue by 7, 14 and 30 days, by the workspace''s own day: one mail for each step, for the furthest where '
  'several passed at once. None for what was refunded or cancelled: there a credit note is due, not a reminder.';

create function public.remind_invoices(most integer) returns integer
language sql
set search_path = ''
as $$
  select private.remind_invoices(most)
$$;

-- Quotes on paper -----------------------------------------------------------------------------------------------------

create function private.quote_document(_caller uuid, _quote uuid, _token text) returns jsonb
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
  return private.answer(private.quote_json(found_one) || (
    select jsonb_build_object(
      'approved_on', found_one.approved_on, 'language', private.language_of(w.locale), 'colour', w.colour, 'logo', w.logo,
      -- A quote may come from whoever isn't ready to send invoices yet.
      'seller', jsonb_build_object('name', w.name, 'country', '') || private.seller_json(w.id))
    from public.workspaces as w where w.id = found_one.workspace_id));
end
$$;
comment on function private.quote_document is 'A quote with who makes it, as it is typeset.';

create function public.quote_document(caller uuid, quote_id uuid, token text) returns jsonb
language sql
set search_path = ''
as $$
  select private.quote_document(caller, quote_id, token)
$$;

revoke execute on function
  private.invoice_path, private.mail_invoice, private.document_json, private.read_invoice_document,
  public.read_invoice_document, private.documents_to_render, public.documents_to_render, private.keep_invoice_document,
  public.keep_invoice_document, private.send_invoice, public.send_invoice, private.remind_invoices,
  public.remind_invoices, private.quote_document, public.quote_document
from public, anon, authenticated;
grant execute on function
  private.read_invoice_document, public.read_invoice_document, private.send_invoice, public.send_invoice
to authenticated;
grant execute on function
  private.documents_to_render, public.documents_to_render, private.keep_invoice_document, public.keep_invoice_document,
  private.remind_invoices, public.remind_invoices, private.quote_document, public.quote_document
to service_role;
