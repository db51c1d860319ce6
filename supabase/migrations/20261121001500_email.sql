-- Mail: what is to be sent to whom, what became of it, and who doesn't want any.
set lock_timeout = '5s';
set statement_timeout = '60s';

create table private.email_templates (
  name text primary key check (name ~ '^[a-z][a-z-]{0,39}$'),
  follow_up boolean not null default false,
  secret boolean not null default false
);
comment on table private.email_templates is 'What the database must know of the templates of functions/email_service.';
comment on column private.email_templates.follow_up is 'Nobody asked for it: it can be unsubscribed from. All others are about something going on.';
comment on column private.email_templates.secret is
  'What is in it opens something: its data is forgotten once it is sent or given up. Whoever misses it asks for a new one.';

insert into private.email_templates (name, follow_up, secret) values
  ('quote', false, false), ('quote-followup', true, false), ('order-confirmation', false, false),
  ('order-status', false, false), ('payment-received', false, false), ('payment-failed', false, false),
  ('invoice', false, false), ('credit-note', false, false), ('invite', false, true), ('one-time-code', false, true),
  ('low-stock', false, false), ('supplier-status', false, false), ('usage-report', false, false), ('plain', false, false);

create table private.email_messages (
  id uuid primary key default gen_random_uuid(),
  workspace_id uuid references public.workspaces on delete cascade,
  template text not null references private.email_templates,
  recipient text not null check (char_length(recipient) <= 320),
  data jsonb,
  attachments jsonb not null default '[]' check (jsonb_typeof(attachments) = 'array'),
  send_at timestamptz,
  created_by uuid references auth.users on delete set null,
  state text not null default 'queued' check (state in (
    'queued', 'cancelled', 'suppressed', 'failed', 'sent', 'delayed', 'delivered', 'opened', 'bounced', 'complained')),
  reason text check (char_length(reason) <= 100),
  outbox_id uuid unique references private.outbox on delete set null,
  provider_id text unique,
  unsubscribe_token uuid not null unique default gen_random_uuid(),
  created_at timestamptz not null default now()
);
comment on table private.email_messages is 'One mail to one address. That it leaves is the outbox''s business.';
comment on column private.email_messages.workspace_id is 'Who writes; null: we ourselves.';
comment on column private.email_messages.recipient is 'Personal data: the address.';
comment on column private.email_messages.data is
  'Personal data: what the template is filled with. Of a secret one null as soon as it no longer waits, however that ended.';
comment on column private.email_messages.attachments is 'Personal data, possibly: [{bucket, path, name}] in private storage.';
comment on column private.email_messages.state is 'The furthest that is known of it, in whatever order it became known.';
comment on column private.email_messages.reason is 'Why it is held back, was not sent or came back: one of our codes.';
comment on column private.email_messages.unsubscribe_token is 'Whoever has it got the mail: the link of follow-ups.';

create table private.email_events (
  id text primary key check (char_length(id) between 1 and 100),
  message_id uuid not null references private.email_messages on delete cascade,
  provider_id text not null,
  type text not null check (char_length(type) <= 40),
  at timestamptz not null,
  reason text check (char_length(reason) <= 100),
  received_at timestamptz not null default clock_timestamp()
);
comment on table private.email_events is 'What the provider told us of mails.';
comment on column private.email_events.id is 'The provider''s, the same each time that it tells the same.';
comment on column private.email_events.reason is 'Of a bounce: Permanent, Transient or Undetermined, and its kind.';

create table private.email_suppressions (
  id uuid primary key default gen_random_uuid(),
  workspace_id uuid references public.workspaces on delete cascade,
  address text not null check (char_length(address) <= 320),
  reason text not null check (reason in ('bounced', 'complained', 'unsubscribed')),
  created_at timestamptz not null default now(),
  unique nulls not distinct (workspace_id, address, reason)
);
comment on table private.email_suppressions is
  'Who gets no more mail of a workspace: none at all after a hard bounce or a complaint, no follow-ups once unsubscribed.';
comment on column private.email_suppressions.address is 'Personal data: the address in small letters.';

alter table private.email_templates enable row level security;
alter table private.email_messages enable row level security;
alter table private.email_events enable row level security;
alter table private.email_suppressions enable row level security;

create index email_messages_by_workspace on private.email_messages (workspace_id, created_at desc, id desc);
create index email_messages_by_recipient on private.email_messages (workspace_id, lower(recipient), created_at desc, id desc);
create index email_messages_by_creator on private.email_messages (created_by);
create index email_messages_by_template on private.email_messages (template);
create index email_messages_by_age on private.email_messages using brin (greatest(created_at, send_at));
create index outbox_by_message on private.outbox ((payload ->> 'message')) where topic = 'email';
create index email_events_by_message on private.email_events (message_id, at);

insert into private.retention (relation, row_age, keep, reason) values
  ('private.email_messages', 'greatest(created_at, send_at)', '1 year', 'so that one can see what was written to a customer');

insert into private.file_retention (bucket, keep, reason) values
  ('attachments', '90 days', 'so that a mail that failed can be sent again');

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values (
  'attachments', 'attachments', false, 10485760,
  '{application/pdf,image/png,image/jpeg,text/plain,text/csv,text/calendar,application/zip,'
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet,'
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document}');

create function private.email_json(_message private.email_messages) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'id', _message.id, 'template', _message.template, 'to', _message.recipient, 'state', _message.state,
    'reason', _message.reason, 'send_at', private.rfc3339(_message.send_at),
    'created_by', _message.created_by, 'created_at', private.rfc3339(_message.created_at))
$$;

create function private.suppression_of(_workspace uuid, _recipient text, _template text) returns text
language sql stable
set search_path = ''
as $$
  select s.reason
  from private.email_suppressions as s
  where s.workspace_id is not distinct from _workspace and s.address = lower(_recipient)
    and (s.reason <> 'unsubscribed' or (select follow_up from private.email_templates where name = _template))
  order by s.reason = 'unsubscribed', s.created_at limit 1
$$;

-- Queueing ----------------------------------------------------------------------------------------------------------

create function private.take_email_units(_workspace uuid, _units integer) returns jsonb
language sql
set search_path = ''
as $$
  select private.take_limits(jsonb_build_array(jsonb_build_object(
    'name', 'email.daily', 'subject', _workspace, 'quota', 1000, 'window_seconds', 86400, 'units', _units)))
$$;
comment on function private.take_email_units is
  'A workspace has a thousand mails sent in any 24 hours, counted as they are queued; those held back, as they are let go.';

create function private.post_email(_message private.email_messages, _ordering_key text, _due_at timestamptz) returns void
language sql
set search_path = ''
as $$
  update private.email_messages
  set outbox_id = private.enqueue(
    'email', jsonb_build_object('message', _message.id), _message.workspace_id, _ordering_key, _due_at,
    _message.attachments <> '[]')
  where id = _message.id
$$;

create function private.queue_email(
  _workspace uuid, _template text, _recipient text, _data jsonb, _ordering_key text default null,
  _send_at timestamptz default null, _attachments jsonb default '[]', _caller uuid default null
) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  made private.email_messages;
  suppressed_by text := private.suppression_of(_workspace, _recipient, _template);
  is_address boolean := _recipient ~ '^[^@[:space:][:cntrl:]]{1,64}@[^@[:space:][:cntrl:]]+\.[^@[:space:][:cntrl:]]+$'
    and char_length(_recipient) <= 254;
  taken jsonb;
  held_seconds integer;
begin
  if is_address and suppressed_by is null and _workspace is not null then
    taken := private.take_email_units(_workspace, 1);
    if not (taken -> 'admitted')::boolean then
      if _caller is not null then
        return private.refuse(429, 'rate_limited', 'This workspace has sent its mails of today. Wait before the next one.')
          || jsonb_build_object('limits', taken -> 'limits');
      end if;
      held_seconds := taken -> 'limits' -> 0 -> 'reset_seconds';
    end if;
  end if;
  insert into private.email_messages (
    workspace_id, template, recipient, data, attachments, send_at, created_by, state, reason)
  values (
    _workspace, _template, left(_recipient, 320), case when is_address and suppressed_by is null or not (
      select secret from private.email_templates where name = _template) then _data end,
    _attachments, _send_at, _caller,
    case when not is_address then 'failed' when suppressed_by is not null then 'suppressed' else 'queued' end,
    case
      when not is_address then 'invalid_address'
      when suppressed_by is not null then suppressed_by
      when held_seconds is not null then 'daily_cap' end)
  returning * into made;
  if made.state = 'queued' then
    perform private.post_email(
      made, _workspace::text || ':' || _ordering_key, greatest(_send_at, now() + make_interval(secs => held_seconds)));
  end if;
  return private.email_json(made) || jsonb_strip_nulls(jsonb_build_object('limits', taken -> 'limits'));
end
$$;
comment on function private.queue_email is
  'Called by the procedure that makes the change. A mail for a person who waits for the answer (_caller) is refused over '
  'the daily cap, returned as by private.refuse; any other is held back until the cap admits it. One to an address that '
  'is none or is suppressed is written down and not sent: the change itself doesn''t fail by it. Mails of one ordering key '
  'go out one after another.';

create function private.attachments_refusal(_workspace uuid, _attachments jsonb, _send_at timestamptz) returns jsonb
language plpgsql stable
set search_path = ''
as $$
declare
  most_bytes constant bigint := 10485760;
  named integer := jsonb_array_length(_attachments);
  stored integer;
  bytes bigint;
  kept_until timestamptz;
begin
  select count(*), sum((o.metadata ->> 'size')::bigint), min(o.created_at + r.keep) into stored, bytes, kept_until
  from jsonb_to_recordset(_attachments) as a (bucket text, path text)
  join storage.objects as o on o.bucket_id = a.bucket and o.name = a.path
  join private.file_retention as r on r.bucket = a.bucket
  where a.bucket = 'attachments' and starts_with(a.path, _workspace || '/');
  if stored < named then
    return private.refuse(422, 'attachment_not_found', 'An attachment is not in this workspace''s storage: upload it first.');
  elsif _send_at + interval '1 day' > kept_until then  -- by which it is sent or given up
    return private.refuse(422, 'attachment_not_kept', 'Files are kept for 90 days: with attachments a mail goes out before.');
  elsif bytes > most_bytes then
    return private.refuse(422, 'attachments_too_large', 'All attachments of a mail together have at most 10 MB.');
  end if;
  return null;
end
$$;

create function private.send_email(
  _caller uuid, _workspace uuid, _template text, _recipient text, _data jsonb, _send_at timestamptz, _attachments jsonb
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  made jsonb;
  refusal jsonb := private.refusal(_workspace, 'email.send', _caller);
begin
  refusal := coalesce(refusal, private.attachments_refusal(_workspace, _attachments, _send_at));
  if refusal is not null then
    return refusal;
  end if;
  made := private.queue_email(_workspace, _template, _recipient, _data, null, _send_at, _attachments, _caller);
  if made ? 'code' then
    return made;
  end if;
  perform private.audit(_workspace, _caller, 'email.queued', made ->> 'id', jsonb_build_object('template', _template));
  return private.answer(made - 'limits', 202) || jsonb_build_object('limits', coalesce(made -> 'limits', '[]'));
end
$$;

create function public.send_email(
  caller uuid, workspace_id uuid, template text, recipient text, data jsonb, send_at timestamptz default null,
  attachments jsonb default '[]'
) returns jsonb
language sql
set search_path = ''
as $$
  select private.send_email(caller, workspace_id, template, recipient, data, send_at, attachments)
$$;
comment on function public.send_email is
  'For our function alone, which knows what each template is filled with and what an address is.';

-- Delivering --------------------------------------------------------------------------------------------------------

create function private.follow_outbox() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  update private.email_messages as m
  set
    -- Where the provider has told more already, that stands.
    state = case when m.state <> 'queued' then m.state when new.state = 'dead' then 'failed' else 'sent' end,
    reason = case when m.state <> 'queued' then m.reason when new.state = 'dead' then new.error end,
    provider_id = coalesce(m.provider_id, new.receipt),
    data = case when t.secret then null else m.data end
  from private.email_templates as t
  where m.outbox_id = new.id and t.name = m.template;
  return null;
end
$$;

create trigger email_follows_outbox after update of state on private.outbox
for each row when (new.topic = 'email' and new.state <> 'waiting' and new.state <> old.state)
execute function private.follow_outbox();

create function private.withhold_suppressed(_delivery uuid) returns void
language plpgsql
set search_path = ''
as $$
begin
  with withheld as (
    update private.email_messages as m set state = 'suppressed', reason = s.reason
    from private.outbox as o
    cross join lateral (
      select private.suppression_of(waiting.workspace_id, waiting.recipient, waiting.template) as reason
      from private.email_messages as waiting where waiting.outbox_id = o.id) as s
    where o.delivery = _delivery and m.outbox_id = o.id and s.reason is not null
    returning m.outbox_id
  )
  update private.outbox set state = 'delivered', delivery = null, ended_at = clock_timestamp()
  where id in (select outbox_id from withheld);
end
$$;
comment on function private.withhold_suppressed is 'Who bounced or unsubscribed since a mail was queued doesn''t get it.';

create function private.hold_over_cap(_delivery uuid) returns void
language plpgsql
set search_path = ''
as $$
declare
  held record;
  room integer;
  again_at timestamptz;
begin
  -- By workspace, so that two workers lock the caps in one order.
  for held in
    select o.workspace_id, array_agg(m.id order by o.position) as messages
    from private.outbox as o join private.email_messages as m on m.outbox_id = o.id
    where o.delivery = _delivery and m.reason = 'daily_cap'
    group by o.workspace_id order by o.workspace_id
  loop
    room := private.take_email_units(held.workspace_id, 0) -> 'limits' -> 0 -> 'remaining';
    room := least(room, cardinality(held.messages));
    if room > 0 then
      perform private.take_email_units(held.workspace_id, room);
      update private.email_messages set reason = null where id = any (held.messages[:room]);
    end if;
    continue when room = cardinality(held.messages);
    -- In an hour at the soonest: room comes back mail by mail, and each time all of them would be put off anew.
    again_at := clock_timestamp() + make_interval(secs => greatest(
      3600, (private.take_email_units(held.workspace_id, 0) -> 'limits' -> 0 -> 'reset_seconds')::integer));
    -- All that are due: else each hundred of them would be leased only to be put back.
    update private.outbox set delivery = null, due_at = again_at, give_up_at = again_at + interval '1 day'
    where id in (
      select o.id
      from private.outbox as o join private.email_messages as m on m.outbox_id = o.id and m.reason = 'daily_cap'
      where o.workspace_id = held.workspace_id and o.topic = 'email' and o.state = 'waiting'
        and (o.delivery = _delivery or (o.delivery is null and o.due_at <= clock_timestamp()))
      for update of o skip locked);
  end loop;
end
$$;
comment on function private.hold_over_cap is 'What was held back is let go as far as the daily cap has room by now.';

create function private.lease_email(_most integer, _lease_seconds integer) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  leased jsonb;
  messages jsonb;
begin
  loop
    leased := private.lease_outbox('email', _most, _lease_seconds);
    if leased is null then
      return null;
    end if;
    -- Of a mail that was purged there is nothing to send; waiting on it would come back for ever.
    delete from private.outbox as o
    where o.delivery = (leased ->> 'id')::uuid and not exists (
      select from private.email_messages as m where m.outbox_id = o.id);
    -- What was written down may have been sent: it stays as it is.
    if leased ->> 'request' is null then
      perform private.withhold_suppressed((leased ->> 'id')::uuid);
      perform private.hold_over_cap((leased ->> 'id')::uuid);
      -- What was taken out is in no call, nor has it been: nothing is sent that isn't written down.
      delete from private.attempts as a
      using jsonb_to_recordset(leased -> 'rows') as r (id uuid)
      where a.outbox_id = r.id and a.delivery = (leased ->> 'id')::uuid and not exists (
        select from private.outbox as o where o.id = r.id and o.delivery = a.delivery);
    end if;
    select jsonb_agg(jsonb_build_object(
      'id', m.id, 'outbox_id', o.id, 'template', m.template, 'to', m.recipient, 'data', m.data,
      'attachments', m.attachments, 'request_id', o.request_id,
      'unsubscribe_token', case when t.follow_up then m.unsubscribe_token end,
      'workspace', case when w.id is not null then jsonb_build_object(
        'name', w.name, 'legal_name', w.legal_name, 'legal_address', w.legal_address, 'locale', w.locale,
        'time_zone', w.time_zone, 'colour', w.colour, 'logo', w.logo, 'reply_to', w.reply_to) end)
      order by o.position)
    into messages
    from private.outbox as o
    join private.email_messages as m on m.outbox_id = o.id
    join private.email_templates as t on t.name = m.template
    left join public.workspaces as w on w.id = m.workspace_id
    where o.delivery = (leased ->> 'id')::uuid;
    exit when messages is not null;
    delete from private.deliveries where id = (leased ->> 'id')::uuid;
  end loop;
  return leased - 'rows' || jsonb_build_object('messages', messages);
end
$$;
comment on function private.lease_email is 'As private.lease_outbox, with all that a mail is made of; those suppressed by now or over the daily cap are left out.';

create function public.lease_email(most integer, lease_seconds integer) returns jsonb
language sql
set search_path = ''
as $$
  select private.lease_email(most, lease_seconds)
$$;

-- What the provider tells -------------------------------------------------------------------------------------------

create function private.email_rank(_type text) returns integer
language sql immutable
set search_path = ''
as $$
  select array_position(
    '{sent,delayed,failed,suppressed,delivered,opened,bounced,complained}'::text[], _type)
$$;
comment on function private.email_rank is 'Which of two things known of a mail is the later one, whatever came first.';

create function private.record_email_event(
  _id text, _type text, _at timestamptz, _message uuid, _provider_id text, _reason text
) returns text
language plpgsql security definer
set search_path = ''
as $$
declare
  message private.email_messages;
  furthest private.email_events;
  over boolean;
begin
  select * into message from private.email_messages where id = _message or provider_id = _provider_id limit 1;
  -- The outbox first, as everybody locks them.
  perform from private.outbox where id = message.outbox_id for update;
  select * into message from private.email_messages where id = message.id for update;
  if not found then
    return 'unknown';
  elsif private.email_rank(_type) is null or (_type = 'opened' and not coalesce((
      select track_opens from public.workspaces where id = message.workspace_id), false)) then
    return 'ignored';
  end if;
  insert into private.email_events (id, message_id, provider_id, type, at, reason)
  values (_id, message.id, _provider_id, _type, _at, left(_reason, 100))
  on conflict do nothing;
  if not found then
    return 'repeated';
  end if;

  -- Of one that was tried again the latest sending counts: what we knew of before that was another.
  over := exists (
    select from private.email_events as e join private.outbox as o on o.id = message.outbox_id
    where e.message_id = message.id and e.provider_id = _provider_id and e.received_at < o.created_at);
  if not over and _provider_id = coalesce(message.provider_id, _provider_id) then
    select * into furthest from private.email_events
    where message_id = message.id and provider_id = _provider_id
    order by private.email_rank(type) desc, at desc, id limit 1;
    update private.email_messages
    set state = furthest.type, reason = furthest.reason, provider_id = _provider_id where id = message.id;
  end if;
  -- The answer to our call may be lost: this is one too. And a mail given up on may have arrived after all.
  update private.outbox
  set state = 'delivered', delivery = null, receipt = left(_provider_id, 200), error = null, ended_at = clock_timestamp()
  where id = message.outbox_id and state <> 'delivered' and not over;

  if _type = 'complained' or (_type = 'bounced' and _reason like 'Permanent%') then
    insert into private.email_suppressions (workspace_id, address, reason)
    values (message.workspace_id, lower(message.recipient), _type)
    on conflict do nothing;
  end if;
  return 'recorded';
end
$$;
comment on function private.record_email_event is
  'recorded, repeated, ignored (nothing we keep) or unknown (no mail of ours). In any order, any number of times, the same end.';

create function public.record_email_event(
  id text, type text, at timestamptz, provider_id text, message uuid default null, reason text default null
) returns text
language sql
set search_path = ''
as $$
  select private.record_email_event(id, type, at, message, provider_id, reason)
$$;

create function private.unsubscribe(_token uuid, _confirmed boolean) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  message private.email_messages;
begin
  select m.* into message
  from private.email_messages as m join private.email_templates as t on t.name = m.template and t.follow_up
  where m.unsubscribe_token = _token;
  if not found then
    return private.not_found();
  end if;
  if _confirmed then
    insert into private.email_suppressions (workspace_id, address, reason)
    values (message.workspace_id, lower(message.recipient), 'unsubscribed')
    on conflict do nothing;
  end if;
  return private.answer(jsonb_build_object(
    'workspace', (select name from public.workspaces where id = message.workspace_id),
    'locale', (select locale from public.workspaces where id = message.workspace_id)));
end
$$;
comment on function private.unsubscribe is 'For whoever has the link. Unconfirmed it only tells whose follow-ups these are.';

create function public.unsubscribe(token uuid, confirmed boolean) returns jsonb
language sql
set search_path = ''
as $$
  select private.unsubscribe(token, confirmed)
$$;

-- For the people of a workspace ---------------------------------------------------------------------------------------

create function private.list_emails(_workspace uuid, _state text, _template text, _recipient text, _after uuid, _limit integer)
returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  workspace uuid := coalesce(_workspace, private.default_workspace());
  refusal jsonb := private.refusal(workspace, 'email.send');
  last private.email_messages;
begin
  if refusal is not null then
    return refusal;
  end if;
  select * into last from private.email_messages where id = _after and workspace_id = workspace;
  return private.answer((
    select coalesce(jsonb_agg(private.email_json(page) order by page.created_at desc, page.id desc), '[]')
    from (
      select * from private.email_messages as m
      where m.workspace_id = workspace
        and (_state is null or m.state = _state)
        and (_template is null or m.template = _template)
        and (_recipient is null or lower(m.recipient) = lower(_recipient))
        and (_after is null or (m.created_at, m.id) < (last.created_at, last.id))
      order by m.created_at desc, m.id desc limit least(_limit, 101)
    ) as page));
end
$$;

create function public.list_emails(
  workspace_id uuid default null, state text default null, template text default null, recipient text default null,
  after uuid default null, page_size integer default 51
) returns jsonb
language sql
set search_path = ''
as $$
  select private.list_emails(workspace_id, state, template, recipient, after, page_size)
$$;

create function private.email_refusal(_message private.email_messages) returns jsonb
language sql
set search_path = ''
as $$
  select case when _message.workspace_id is null then private.not_found()
    else private.refusal(_message.workspace_id, 'email.send') end
$$;

create function private.explain_email(_message uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  message private.email_messages;
  refusal jsonb;
begin
  select * into message from private.email_messages where id = _message;
  refusal := private.email_refusal(message);
  if refusal is not null then
    return refusal;
  end if;
  return private.answer(private.email_json(message) || jsonb_build_object(
    'due_at', (select private.rfc3339(due_at) from private.outbox where id = message.outbox_id and state = 'waiting'),
    'request_id', (select request_id from private.outbox where id = message.outbox_id),
    'provider_id', message.provider_id,
    'attempts', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'started_at', private.rfc3339(a.started_at), 'ended_at', private.rfc3339(a.ended_at),
        'outcome', coalesce(a.outcome, 'unfinished'), 'error', a.error, 'idempotency_key', a.delivery)
        order by a.started_at), '[]')
      from private.attempts as a
      where a.outbox_id = any (array(  -- one, and one more for each time that somebody had it tried again
        select id from private.outbox where topic = 'email' and payload ->> 'message' = _message::text))),
    'events', (
      select coalesce(jsonb_agg(jsonb_build_object(
        'type', e.type, 'at', private.rfc3339(e.at), 'received_at', private.rfc3339(e.received_at), 'reason', e.reason)
        order by e.at, private.email_rank(e.type)), '[]')
      from private.email_events as e where e.message_id = message.id)));
end
$$;

create function public.explain_email(message_id uuid) returns jsonb
language sql
set search_path = ''
as $$
  select private.explain_email(message_id)
$$;

create function private.locked_email(_message uuid) returns private.email_messages
language plpgsql
set search_path = ''
as $$
declare
  message private.email_messages;
begin
  perform from private.outbox
  where id = (select outbox_id from private.email_messages where id = _message) for update;
  select * into message from private.email_messages where id = _message for update;
  return message;
end
$$;
comment on function private.locked_email is 'With its outbox row, which everybody locks first.';

create function private.retry_email(_message uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  message private.email_messages := private.locked_email(_message);
  refusal jsonb := private.email_refusal(message);
  taken jsonb;
begin
  if refusal is not null then
    return refusal;
  elsif message.state <> 'failed' or message.reason = 'invalid_address' or message.data is null then
    return private.refuse(409, 'not_failed', 'Only a mail that could not be sent is tried again.');
  end if;
  taken := private.take_email_units(message.workspace_id, 1);
  if not (taken -> 'admitted')::boolean then
    return private.refuse(429, 'rate_limited', 'This workspace has sent its mails of today. Wait before the next one.')
      || jsonb_build_object('limits', taken -> 'limits');
  end if;
  update private.email_messages set state = 'queued', reason = null, provider_id = null
  where id = _message returning * into message;
  perform private.post_email(message, null, now());
  perform private.audit(message.workspace_id, auth.uid(), 'email.retried', _message::text);
  return private.answer(private.email_json(message), 202);
end
$$;
comment on function private.retry_email is
  'A person''s decision: where it is unknown whether the mail was sent, it may arrive twice.';

create function public.retry_email(message_id uuid) returns jsonb
language sql
set search_path = ''
as $$
  select private.retry_email(message_id)
$$;

create function private.cancel_email(_message uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  message private.email_messages := private.locked_email(_message);
  refusal jsonb := private.email_refusal(message);
begin
  if refusal is not null then
    return refusal;
  elsif message.state = 'cancelled' then
    return private.answer(private.email_json(message));
  end if;
  delete from private.outbox where id = message.outbox_id and state = 'waiting' and delivery is null;
  if not found then
    return private.refuse(409, 'not_waiting', 'Only a mail that still waits can be cancelled.');
  end if;
  update private.email_messages as m
  set state = 'cancelled', reason = null, data = case when t.secret then null else m.data end
  from private.email_templates as t
  where m.id = _message and t.name = m.template
  returning m.* into message;
  perform private.audit(message.workspace_id, auth.uid(), 'email.cancelled', _message::text);
  return private.answer(private.email_json(message));
end
$$;

create function public.cancel_email(message_id uuid) returns jsonb
language sql
set search_path = ''
as $$
  select private.cancel_email(message_id)
$$;

create function private.list_email_suppressions(_workspace uuid, _after uuid, _limit integer) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  workspace uuid := coalesce(_workspace, private.default_workspace());
  refusal jsonb := private.refusal(workspace, 'email.send');
begin
  if refusal is not null then
    return refusal;
  end if;
  return private.answer((
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', page.id, 'address', page.address, 'reason', page.reason, 'created_at', private.rfc3339(page.created_at))
      order by page.id), '[]')
    from (
      select * from private.email_suppressions
      where workspace_id = workspace and (_after is null or id > _after)
      order by id limit least(_limit, 101)
    ) as page));
end
$$;

create function public.list_email_suppressions(
  workspace_id uuid default null, after uuid default null, page_size integer default 51) returns jsonb
language sql
set search_path = ''
as $$
  select private.list_email_suppressions(workspace_id, after, page_size)
$$;

create function private.remove_email_suppression(_suppression uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  removed private.email_suppressions;
  refusal jsonb;
begin
  select * into removed from private.email_suppressions where id = _suppression for update;
  refusal := case when removed.workspace_id is null then private.not_found()
    else private.refusal(removed.workspace_id, 'email.send') end;
  if refusal is not null then
    return refusal;
  end if;
  delete from private.email_suppressions where id = _suppression;
  perform private.audit(removed.workspace_id, auth.uid(), 'email.suppression_removed', _suppression::text,
    jsonb_build_object('reason', removed.reason));
  return private.answer(null, 204);
end
$$;

create function public.remove_email_suppression(suppression_id uuid) returns jsonb
language sql
set search_path = ''
as $$
  select private.remove_email_suppression(suppression_id)
$$;

revoke execute on function
  private.email_json, private.suppression_of, private.take_email_units, private.post_email, private.queue_email,
  private.attachments_refusal, private.send_email, public.send_email, private.follow_outbox, private.withhold_suppressed,
  private.hold_over_cap,  private.lease_email, public.lease_email, private.email_rank, private.record_email_event, public.record_email_event,
  private.unsubscribe, public.unsubscribe, private.list_emails, public.list_emails, private.email_refusal,
  private.explain_email, public.explain_email, private.locked_email, private.retry_email, public.retry_email,
  private.cancel_email, public.cancel_email, private.list_email_suppressions, public.list_email_suppressions,
  private.remove_email_suppression, public.remove_email_suppression
from public, anon, authenticated;
grant execute on function
  private.send_email, public.send_email, private.lease_email, public.lease_email,
  private.record_email_event, public.record_email_event, private.unsubscribe, public.unsubscribe
to service_role;
grant execute on function
  private.list_emails, public.list_emails, private.explain_email, public.explain_email,
  private.retry_email, public.retry_email, private.cancel_email, public.cancel_email,
  private.list_email_suppressions, public.list_email_suppressions,
  private.remove_email_suppression, public.remove_email_suppression
to authenticated;
