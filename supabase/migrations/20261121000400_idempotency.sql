-- Idempotency-Key: the first answer is kept and given again. The business change closes its own record, in its own
-- transaction: either both are there or neither.
set lock_timeout = '5s';
set statement_timeout = '60s';

create table private.idempotency (
  id uuid primary key default gen_random_uuid(),
  caller text not null,
  route text not null,
  key text not null check (char_length(key) between 1 and 255),
  fingerprint text not null,
  leased_until timestamptz not null,
  status smallint,
  answer jsonb,
  created_at timestamptz not null default now(),
  unique (caller, route, key),
  check ((status is null) = (answer is null))
);
comment on table private.idempotency is 'In progress while status is null; kept 24 hours (see private.retention).';
comment on column private.idempotency.id is 'Changes when another request takes an expired record over: the old one can no longer close it.';
comment on column private.idempotency.fingerprint is 'sha256 of method, path, query and body.';
comment on column private.idempotency.answer is 'Personal data, possibly: what the caller was answered.';
comment on column private.idempotency.leased_until is 'After this an unanswered record belongs to a request that died.';

alter table private.idempotency enable row level security;
create index idempotency_by_age on private.idempotency (created_at);

create function private.begin_idempotent(_caller text, _route text, _key text, _fingerprint text, _lease interval) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  record private.idempotency;
begin
  loop
    insert into private.idempotency (caller, route, key, fingerprint, leased_until)
    values (_caller, _route, _key, _fingerprint, clock_timestamp() + _lease)
    on conflict (caller, route, key) do nothing
    returning * into record;
    if found then
      return jsonb_build_object('state', 'started', 'id', record.id);
    end if;

    select * into record from private.idempotency where caller = _caller and route = _route and key = _key for update;
    exit when found;
  end loop;

  if record.created_at < now() - interval '24 hours'
      or (record.fingerprint = _fingerprint and record.status is null and record.leased_until < clock_timestamp()) then
    update private.idempotency
    set id = gen_random_uuid(), fingerprint = _fingerprint, leased_until = clock_timestamp() + _lease,
      status = null, answer = null, created_at = now()
    where id = record.id
    returning * into record;
    return jsonb_build_object('state', 'started', 'id', record.id);
  elsif record.fingerprint <> _fingerprint then
    return jsonb_build_object('state', 'reused');
  elsif record.status is null then
    return jsonb_build_object('state', 'in_progress');
  end if;
  return jsonb_build_object('state', 'answered', 'status', record.status, 'answer', record.answer);
end
$$;

create function private.own_record() returns uuid
language sql stable
set search_path = ''
as $$
  select id from private.idempotency
  where id = private.header('x-idempotency-record')::uuid
    and status is null
    and (caller = auth.uid()::text or auth.uid() is null)
$$;
comment on function private.own_record is
  'The open record this request began. Without a signed-in person the caller is one of our own functions.';

create function private.close_idempotent(_status integer, _answer jsonb) returns void
language plpgsql
set search_path = ''
as $$
begin
  if private.header('x-idempotency-record') is null then
    return;
  end if;
  update private.idempotency set status = _status, answer = coalesce(_answer, 'null') where id = private.own_record() and status is null;
  if not found then
    raise exception 'another request took this idempotency key over' using errcode = 'PT409';
  end if;
end
$$;
comment on function private.close_idempotent is
  'Raises when the lease was lost to another request, so that the late change is undone.';

create function private.release_idempotent(_id uuid) returns void
language sql security definer
set search_path = ''
as $$
  delete from private.idempotency where id = _id and status is null
$$;

create function public.release_idempotent(id uuid) returns void
language sql
set search_path = ''
as $$
  select private.release_idempotent(id)
$$;
comment on function public.release_idempotent is 'Forgets a record whose request was refused before it changed anything.';

create function private.answer(_body jsonb, _status integer default 200) returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  perform private.close_idempotent(_status, _body);
  return jsonb_build_object('status', _status, 'body', _body);
end
$$;
comment on function private.answer is 'How a procedure ends well: the HTTP status and body, kept for the idempotency key if there is one.';

create function private.refuse(_status integer, _code text, _detail text) returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  delete from private.idempotency where id = private.own_record() and status is null;
  return jsonb_build_object('status', _status, 'code', _code, 'detail', _detail);
end
$$;
comment on function private.refuse is
  'How a procedure says no. Returned, never raised, so that the audit entry of a denial commits. '
  'Nothing was changed, so the idempotency key is free again.';

revoke execute on function
  private.begin_idempotent, private.own_record, private.close_idempotent, private.release_idempotent, public.release_idempotent,
  private.answer, private.refuse
from public, anon, authenticated;
grant execute on function private.release_idempotent, public.release_idempotent to service_role;
