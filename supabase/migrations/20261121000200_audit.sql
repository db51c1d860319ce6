-- The audit log: append-only, one hash chain per workspace and one for the platform.
set lock_timeout = '5s';
set statement_timeout = '60s';

create table private.audit_heads (
  chain uuid primary key,
  sequence bigint not null,
  hash bytea not null
);
comment on table private.audit_heads is
  'The newest entry of each chain. Its row lock is what puts concurrent entries of a chain in one order.';
comment on column private.audit_heads.chain is 'A workspace id, or the nil uuid for the platform.';

create table private.audit_log (
  chain uuid not null,
  sequence bigint not null,
  at timestamptz not null,
  actor uuid,
  action text not null check (action ~ '^[a-z_]+(\.[a-z_]+)+$'),
  target text check (char_length(target) <= 200),
  details jsonb not null,
  request_id text check (request_id ~ '^[A-Za-z0-9._-]{1,64}$'),
  hash bytea not null,
  primary key (chain, sequence)
);
comment on table private.audit_log is
  'Who did what. Opaque ids only and no foreign keys: deleting a person or a workspace must not break a chain.';
comment on column private.audit_log.actor is 'The person; null when the system itself acted.';
comment on column private.audit_log.hash is 'sha256(hash of the entry before || this entry), see private.audit_hash.';

alter table private.audit_heads enable row level security;
alter table private.audit_log enable row level security;

create function private.refuse_rewriting() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = '42501';
end
$$;

create trigger audit_log_is_append_only
  before update or delete or truncate on private.audit_log
  for each statement execute function private.refuse_rewriting();

create function private.audit_hash(_previous bytea, _entry private.audit_log) returns bytea
language sql stable
set search_path = ''
as $$
  select sha256(_previous || convert_to(
    jsonb_build_array(
      _entry.chain,
      _entry.sequence,
      (extract(epoch from _entry.at) * 1000000)::bigint,
      _entry.actor,
      _entry.action,
      _entry.target,
      _entry.details,
      _entry.request_id
    )::text,
    'UTF8'))
$$;
comment on function private.audit_hash is
  'A json array keeps neighbouring fields from running into each other; microseconds keep the time zone out.';

create function private.platform() returns uuid
language sql immutable
set search_path = ''
as $$
  select '00000000-0000-0000-0000-000000000000'::uuid
$$;
comment on function private.platform is 'The chain of what concerns no workspace.';

create function private.audit(_chain uuid, _actor uuid, _action text, _target text, _details jsonb default '{}') returns void
language plpgsql
set search_path = ''
as $$
declare
  head private.audit_heads;
  entry private.audit_log;
begin
  insert into private.audit_heads (chain, sequence, hash)
  values (_chain, 0, sha256(convert_to(_chain::text, 'UTF8')))
  on conflict (chain) do nothing;

  select * into strict head from private.audit_heads where chain = _chain for update;

  entry.chain := _chain;
  entry.sequence := head.sequence + 1;
  entry.at := clock_timestamp();
  entry.actor := _actor;
  entry.action := _action;
  entry.target := _target;
  entry.details := _details;
  entry.request_id := substring(private.header('x-request-id') from '^[A-Za-z0-9._-]{1,64}$');
  entry.hash := private.audit_hash(head.hash, entry);

  insert into private.audit_log select entry.*;
  update private.audit_heads set sequence = entry.sequence, hash = entry.hash where chain = _chain;
end
$$;
comment on function private.audit is 'Appends an entry. Call it last in a change: it holds the chain until commit.';

create function private.append_audit(_chain uuid, _actor uuid, _action text, _target text, _details jsonb) returns void
language sql security definer
set search_path = ''
as $$
  select private.audit(coalesce(_chain, private.platform()), _actor, _action, _target, _details)
$$;

create function public.append_audit(
  action text, actor uuid default null, target text default null, details jsonb default '{}', chain uuid default null) returns void
language sql
set search_path = ''
as $$
  select private.append_audit(chain, actor, action, target, details)
$$;
comment on function public.append_audit is 'For what happens outside the database, such as a changed password.';

create function private.verify_audit_log(_chain uuid, _sequence bigint default null, _hash text default null) returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
declare
  head private.audit_heads;
  entry private.audit_log;
  expected_sequence bigint := 0;
  previous bytea := sha256(convert_to(_chain::text, 'UTF8'));
  broken bigint;
  reason text;
begin
  if (_sequence is null) <> (_hash is null) then
    raise exception 'a head is a sequence and its hash' using errcode = '22023';
  end if;
  select * into head from private.audit_heads where chain = _chain;

  for entry in select * from private.audit_log where chain = _chain order by sequence loop
    expected_sequence := expected_sequence + 1;
    if entry.sequence <> expected_sequence then
      broken := expected_sequence;
      reason := 'an entry is missing';
    elsif entry.hash <> private.audit_hash(previous, entry) then
      broken := entry.sequence;
      reason := 'an entry was changed';
    elsif entry.sequence = _sequence and encode(entry.hash, 'hex') <> _hash then
      broken := entry.sequence;
      reason := 'the chain differs from the exported head';
    end if;
    exit when broken is not null;
    previous := entry.hash;
  end loop;

  if broken is null and _sequence > expected_sequence then
    broken := expected_sequence + 1;
    reason := 'the chain ends before the exported head';
  elsif broken is null and (coalesce(head.sequence, 0) <> expected_sequence
      or (head.hash is not null and head.hash <> previous)) then
    broken := expected_sequence + 1;
    reason := 'the chain ends before its head';
  end if;

  return jsonb_build_object(
    'intact', broken is null,
    'entries', expected_sequence,
    'head', jsonb_build_object('sequence', expected_sequence, 'hash', encode(previous, 'hex')),
    'broken_at', broken,
    'reason', reason
  );
end
$$;
comment on function private.verify_audit_log is
  'Finds any edit, removal or reordering; against a head exported earlier also a cut tail or a chain written anew.';

create function public.verify_audit_log(chain uuid, sequence bigint default null, hash text default null) returns jsonb
language sql stable
set search_path = ''
as $$
  select private.verify_audit_log(chain, sequence, hash)
$$;

create function private.audit_heads_export() returns jsonb
language sql stable security definer
set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'chain', chain, 'sequence', sequence, 'hash', encode(hash, 'hex')) order by chain), '[]')
  from private.audit_heads
$$;

create function public.audit_heads() returns jsonb
language sql stable
set search_path = ''
as $$
  select private.audit_heads_export()
$$;
comment on function public.audit_heads is 'Every chain''s head, to be kept outside this database.';

revoke execute on function
  private.refuse_rewriting, private.audit_hash, private.platform, private.audit, private.append_audit, public.append_audit, private.verify_audit_log, public.verify_audit_log,
  private.audit_heads_export, public.audit_heads
from public, anon, authenticated;
grant execute on function
  private.append_audit, public.append_audit, private.verify_audit_log, public.verify_audit_log,
  private.audit_heads_export, public.audit_heads
to service_role;
