-- The one round trip before a limited, idempotent or permitted request does its work.
set lock_timeout = '5s';
set statement_timeout = '60s';

create function private.begin_request(
  _caller uuid, _limits jsonb, _route text, _key text, _fingerprint text, _lease_seconds integer,
  _permission text, _workspace uuid
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  record jsonb;
  taken jsonb := '{"admitted": true, "limits": []}';
  workspace uuid := coalesce(_workspace, private.default_workspace(_caller));
  refusal jsonb;
begin
  if _key is not null then
    record := private.begin_idempotent(
      _caller::text, _route, _key, _fingerprint, make_interval(secs => _lease_seconds));
    if record ->> 'state' <> 'started' then
      return jsonb_build_object('idempotency', record);
    end if;
  end if;

  if jsonb_array_length(_limits) > 0 then
    taken := private.take_limits(_limits);
  end if;
  if not (taken -> 'admitted')::boolean then
    refusal := jsonb_build_object('status', 429, 'code', 'rate_limited', 'detail', 'Too many requests. Wait before the next one.');
  elsif _permission is not null then
    refusal := private.refusal(workspace, _permission, _caller);
  end if;
  if refusal is not null and record is not null then
    perform private.release_idempotent((record ->> 'id')::uuid);
  end if;
  return jsonb_build_object(
    'idempotency', record, 'limits', taken -> 'limits', 'workspace_id', workspace, 'refusal', refusal);
end
$$;
comment on function private.begin_request is
  'Idempotency first (an answer given again takes no unit), then the limits, then the permission (a refused request '
  'has taken its unit).';

create function public.begin_request(
  caller uuid default null, limits jsonb default '[]', route text default null, key text default null,
  fingerprint text default null, lease_seconds integer default 60, permission text default null,
  workspace_id uuid default null
) returns jsonb
language sql
set search_path = ''
as $$
  select private.begin_request(caller, limits, route, key, fingerprint, lease_seconds, permission, workspace_id)
$$;

revoke execute on function private.begin_request, public.begin_request from public, anon, authenticated;
grant execute on function private.begin_request, public.begin_request to service_role;
