-- Invoices: what was asked for an order, frozen when it is issued; and credit notes, the only thing that may follow.
-- Invoices of an order are a chain: a deposit's is deducted on the final one, together they are the order's total.
set lock_timeout = '5s';
set statement_timeout = '60s';

create table private.invoice_settings (
  workspace_id uuid primary key references public.workspaces on delete cascade,
  address text check (private.is_plain(address, 300, true)),
  postcode text check (private.is_plain(postcode, 20)),
  city text check (private.is_plain(city, 100)),
  vat_id text check (vat_id ~ '^[A-Z]{2}[0-9A-Z]{2,13}$'),
  tax_number text check (private.is_plain(tax_number, 50)),
  registration text check (private.is_plain(registration, 120)),
  iban text check (iban ~ '^[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}$'),
  bic text check (bic ~ '^[A-Z]{6}[0-9A-Z]{2}([0-9A-Z]{3})?$'),
  footer text check (private.is_plain(footer, 500, true)),
  exempt_reason text check (private.is_plain(exempt_reason, 200)),
  supplies text not null default 'goods' check (supplies in ('goods', 'services')),
  payment_days integer not null default 14 check (payment_days between 0 and 120),
  revision bigint not null default 1
);
comment on table private.invoice_settings is
  'What invoices say of the seller, beside the workspace''s legal name, address, country, tax id and mail address.';
comment on column private.invoice_settings.exempt_reason is 'Why the seller takes no tax at all, as a small business; null for who does.';
comment on column private.invoice_settings.supplies is 'Across borders goods and services are taxed by different rules.';

create table public.invoices (
  id uuid primary key default gen_random_uuid(),
  workspace_id uuid not null references public.workspaces on delete cascade,
  order_id uuid not null references public.orders on delete cascade,
  kind text not null check (kind in ('deposit', 'balance', 'full', 'proforma', 'credit_note')),
  status text not null default 'draft' check (status in ('draft', 'issued', 'void')),
  request jsonb not null check (jsonb_typeof(request) = 'object'),
  number text check (char_length(number) <= 40),
  issued_at timestamptz,
  issued_on date,
  due_on date,
  currency char(3) not null,
  content jsonb,
  payable_minor bigint check (payable_minor >= 0),
  credits uuid references public.invoices on delete cascade,
  created_by uuid references auth.users on delete set null,
  created_at timestamptz not null default now(),
  credited_minor bigint not null default 0,
  paid_minor bigint not null default 0,
  paid_on date,
  mail_wanted boolean not null default false,
  sent_at timestamptz,
  reminded_days integer not null default 0,
  unique (workspace_id, number),
  constraint issued_whole check ((status = 'issued') = (
    number is not null and issued_at is not null and issued_on is not null and content is not null and payable_minor is not null)),
  constraint content_agrees check (status <> 'issued' or (
    content @> jsonb_build_object('kind', kind, 'number', number, 'currency', currency, 'payable_minor', payable_minor)
    and (content ->> 'issued_on')::date = issued_on and (content ->> 'due_on')::date is not distinct from due_on
    and split_part(number, '-', 2) = extract(year from issued_on)::text) is true),
  constraint credit_notes_credit check ((kind = 'credit_note') = (credits is not null)),
  constraint credits_within_invoice check (credited_minor between 0 and coalesce(payable_minor, 0)),
  constraint paid_within_invoice check (paid_minor between 0 and coalesce(payable_minor, 0)),
  constraint paid_whole check (paid_on is null or (paid_minor > 0 and paid_minor >= payable_minor - credited_minor))
);
comment on table public.invoices is
  'Drafts, which can be voided, and what was issued, which stays as it is for ever: a trigger holds that, whoever writes.';
comment on column public.invoices.request is
  'Personal data: what it was asked for with: {buyer, line_taxes, language, notes, …}; of a credit note {lines, reason}.';
comment on column public.invoices.content is
  'Personal data, kept by law: the whole document as functions/invoice/document.py reads it.';
comment on column public.invoices.payable_minor is 'What is to be paid, tax included; of a credit note what is given back.';
comment on column public.invoices.credited_minor is 'The sum of its credit notes.';
comment on column public.invoices.paid_minor is 'What of the order''s money falls to it: see private.settle_invoices.';
comment on column public.invoices.mail_wanted is 'It goes to the customer as soon as its document is there.';
comment on column public.invoices.reminded_days is 'How many days overdue it was by the last reminder.';

create table private.invoice_documents (
  invoice_id uuid not null references public.invoices on delete cascade,
  paid_on date,
  path text primary key,
  sha256 bytea not null check (octet_length(sha256) = 32),
  bytes integer not null check (bytes > 0),
  rendered_at timestamptz not null default clock_timestamp(),
  unique nulls not distinct (invoice_id, paid_on)
);
comment on table private.invoice_documents is 'PDFs in the private bucket invoices. What was rendered once is never replaced.';
comment on column private.invoice_documents.paid_on is 'The day that the copy is stamped with; null for the invoice itself.';

alter table private.invoice_settings enable row level security;
alter table public.invoices enable row level security;
alter table private.invoice_documents enable row level security;
create index invoices_by_workspace on public.invoices (workspace_id, created_at desc, id desc);
create index invoices_by_order on public.invoices (order_id, created_at);
create index invoices_by_credited on public.invoices (credits);
create index invoices_by_creator on public.invoices (created_by);
create index invoices_unpaid on public.invoices (due_on) where status = 'issued' and due_on is not null and paid_on is null;

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values ('invoices', 'invoices', false, 10485760, '{application/pdf}');

-- The chain -----------------------------------------------------------------------------------------------------------

create function private.is_live(_invoice public.invoices) returns boolean
language sql stable
set search_path = ''
as $$
  select _invoice.status = 'issued' and _invoice.kind in ('deposit', 'balance', 'full')
    and (_invoice.credited_minor < _invoice.payable_minor or _invoice.payable_minor = 0 and not exists (
      select from public.invoices as n where n.credits = _invoice.id and n.status = 'issued'))
$$;
comment on function private.is_live is
  'Asks for money, if only for none after a deposit of all of it, and was not credited whole.';

create function private.left_to_invoice(_order public.orders) returns bigint
language sql stable
set search_path = ''
as $$
  select _order.total_minor - coalesce(sum(payable_minor - credited_minor), 0)::bigint
  from public.invoices as i
  where i.order_id = _order.id and private.is_live(i) and i.kind = 'deposit'
$$;
comment on function private.left_to_invoice is 'What the final invoice comes to: the total less what a deposit''s took.';

create function private.chain_refusal(_order public.orders, _kind text) returns jsonb
language sql stable
set search_path = ''
as $$
  select case
    when _kind = 'proforma' then null
    when 'final' = any (live.kinds) or (_kind in ('deposit', 'full') and 'deposit' = any (live.kinds)) then
      private.refuse(409, 'already_invoiced', 'This was invoiced already: what is wrong is credited first.')
    when _kind = 'deposit' and _order.deposit_minor = 0 then
      private.refuse(409, 'no_deposit', 'This order has no deposit: invoice it in full.')
    when _kind = 'balance' and not 'deposit' = any (live.kinds) then
      private.refuse(409, 'deposit_not_invoiced', 'The deposit is invoiced before the balance. Without one invoice in full.')
    end
  from (
    select coalesce(array_agg(case kind when 'deposit' then 'deposit' else 'final' end), '{}') as kinds
    from public.invoices as i where i.order_id = _order.id and private.is_live(i)) as live
$$;

create function private.invoice_series(_kind text) returns text
language sql immutable
set search_path = ''
as $$
  select case _kind when 'proforma' then 'PRO' when 'credit_note' then 'CN' else 'INV' end
$$;

create function private.credited_of(_invoice uuid) returns bigint
language sql stable
set search_path = ''
as $$
  select coalesce(sum(payable_minor), 0)::bigint from public.invoices where credits = _invoice and status = 'issued'
$$;

create function private.guard_invoice() returns trigger
language plpgsql
set search_path = ''
as $$
declare
  later constant text[] := '{credited_minor,paid_minor,paid_on,mail_wanted,sent_at,reminded_days,created_by}';
  of_order public.orders;
  credited public.invoices;
begin
  if tg_op = 'DELETE' then
    if old.status = 'issued' and exists (select from public.workspaces where id = old.workspace_id) then
      raise exception 'an issued invoice stays' using errcode = 'BR004';
    end if;
    return old;
  elsif tg_op = 'UPDATE' and old.status = new.status then
    if old.status <> 'draft' and to_jsonb(new) - later is distinct from to_jsonb(old) - later then
      raise exception 'an issued invoice never changes: credit it' using errcode = 'BR004';
    elsif new.credited_minor not in (old.credited_minor, private.credited_of(new.id)) then
      raise exception 'what is credited is the sum of the credit notes' using errcode = 'BR004';
    elsif new.paid_minor > old.paid_minor and (
        select new.paid_minor + coalesce(sum(i.paid_minor), 0) > min(o.received_minor - o.refunded_minor)
        from public.orders as o left join public.invoices as i on i.order_id = o.id and i.id <> new.id
        where o.id = new.order_id) then
      raise exception 'no more is paid than was received and not given back' using errcode = 'BR004';
    end if;
    return new;
  elsif tg_op = 'UPDATE' and old.status <> 'draft' then
    raise exception 'an invoice does not go from % to %', old.status, new.status using errcode = 'BR004';
  elsif new.status <> 'issued' then
    return new;
  end if;

  -- Issued now: under the order's lock, so that of two at once one sees the other.
  select * into strict of_order from public.orders where id = new.order_id for update;
  if (new.workspace_id, new.currency) is distinct from (of_order.workspace_id, of_order.currency)
      or not private.is_last_number(new.workspace_id, private.invoice_series(new.kind), new.number) then
    raise exception 'an invoice is its order''s, and has the number that was given last' using errcode = 'BR004';
  end if;
  if new.kind = 'credit_note' then
    select * into strict credited from public.invoices where id = new.credits for update;
    if credited.order_id <> new.order_id or not private.is_live(credited) or credited.kind = 'deposit' and exists (
        select from public.invoices as i
        where i.order_id = new.order_id and private.is_live(i) and i.kind <> 'deposit')
        or private.credits_too_much(credited, new.content) then
      raise exception 'this is not credited' using errcode = 'BR004';
    end if;
  elsif private.chain_refusal(of_order, new.kind) is not null
      or new.kind <> 'deposit' and new.payable_minor <> (
        case new.kind when 'balance' then private.left_to_invoice(of_order) else of_order.total_minor end)
      or new.kind = 'balance' and private.deducted_lines(of_order) is distinct from (
        select jsonb_agg(line - array['position', 'description'] order by position)
        from jsonb_path_query(new.content, '$.lines[*] ? (exists (@.deducts))') with ordinality as l(line, position))
      or new.kind = 'deposit' and new.payable_minor <> private.deposit_amount(of_order) then
    raise exception 'invoices of an order add up to its total' using errcode = 'BR004';
  end if;
  new.issued_at := clock_timestamp();  -- under the lock: in the order of the chain
  new.credited_minor := 0;
  new.paid_minor := 0;
  new.paid_on := null;
  return new;
end
$$;
comment on function private.guard_invoice is
  'For everybody, the owner of the table too: what was issued is frozen, an order''s invoices add up to its total, and no '
  'more is credited than was invoiced nor paid than was received. A deposit''s invoice is not credited while a final one '
  'deducts it.';

create function private.count_credit() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  update public.invoices set credited_minor = private.credited_of(id) where id = new.credits;
  return null;
end
$$;

create trigger invoices_stay before insert or update or delete on public.invoices
for each row execute function private.guard_invoice();
create trigger invoices_are_credited after insert or update of status on public.invoices
for each row when (new.status = 'issued' and new.kind = 'credit_note') execute function private.count_credit();
create trigger invoices_are_not_emptied before truncate on public.invoices
for each statement execute function private.refuse_rewriting();

create function private.settle_invoices(_order public.orders) returns void
language plpgsql
set search_path = ''
as $$
declare
  kept bigint := _order.received_minor - _order.refunded_minor;
  each_invoice public.invoices;
  owed bigint;
  paid bigint;
  news boolean;
begin
  for each_invoice in
    select * from public.invoices as i
    where i.order_id = _order.id and i.status = 'issued' and i.kind in ('deposit', 'balance', 'full')
    order by i.issued_at for update
  loop
    owed := each_invoice.payable_minor - each_invoice.credited_minor;
    paid := least(owed, kept);
    kept := kept - paid;
    news := owed > 0 and paid = owed and each_invoice.paid_on is null;
    update public.invoices
    set paid_minor = paid,
      paid_on = case when owed > 0 and paid = owed then coalesce(paid_on, private.today(workspace_id)) end,
      mail_wanted = mail_wanted or news
    where id = each_invoice.id and (news or paid_minor <> paid or paid_on is not null and paid < owed)
    returning * into each_invoice;
    if news then
      perform private.enqueue(
        'invoice', jsonb_build_object('invoice', each_invoice.id, 'paid_on', each_invoice.paid_on), each_invoice.workspace_id);
      perform private.audit(each_invoice.workspace_id, null, 'invoice.paid', each_invoice.id::text,
        jsonb_build_object('number', each_invoice.number));
    end if;
  end loop;
end
$$;
comment on function private.settle_invoices is
  'What was received for an order and not given back falls to its invoices, the oldest first. One that is paid gets a '
  'stamped copy, which goes to the customer.';

create function private.follow_payments() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  perform private.settle_invoices(new);
  return null;
end
$$;

create trigger invoices_follow_payments after update of received_minor, refunded_minor on public.orders
for each row when ((new.received_minor, new.refunded_minor) is distinct from (old.received_minor, old.refunded_minor))
execute function private.follow_payments();

revoke execute on function
  private.is_live, private.left_to_invoice, private.chain_refusal, private.invoice_series, private.credited_of,
  private.guard_invoice, private.count_credit, private.settle_invoices, private.follow_payments
from public, anon, authenticated;
