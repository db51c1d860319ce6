-- Invite codes: hashed at rest, limited in uses and time, alike whatever is wrong with one.
set lock_timeout = '5s';
set statement_timeout = '60s';

create table public.invites (
  id uuid primary key default gen_random_uuid(),
  workspace_id uuid not null references public.workspaces on delete cascade,
  role_id uuid not null references public.roles,
  code_hash bytea not null unique,
  max_uses integer not null check (max_uses between 1 and 1000),
  uses integer not null default 0 check (uses between 0 and max_uses),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  created_by uuid references auth.users on delete set null,
  created_at timestamptz not null default now()
);
comment on table public.invites is 'Invite codes that were given out, used and revoked ones too.';
comment on column public.invites.code_hash is 'sha256 of the code without dashes. The code has 80 random bits: no salt is needed.';
comment on column public.invites.created_by is 'Holds good only while this person may still grant the role.';

alter table public.invites enable row level security;
create index invites_by_workspace on public.invites (workspace_id, id);
create index invites_by_role on public.invites (role_id);
create index invites_by_creator on public.invites (created_by);

create function private.invite_hash(_code text) returns bytea
language sql immutable
set search_path = ''
as $$
  select sha256(convert_to(upper(translate(_code, '- ', '')), 'UTF8'))
$$;

create function private.invite_json(_invite public.invites) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'id', _invite.id,
    'role', (select name from public.roles where id = _invite.role_id),
    'max_uses', _invite.max_uses,
    'uses', _invite.uses,
    'expires_at', private.rfc3339(_invite.expires_at),
    'revoked_at', private.rfc3339(_invite.revoked_at),
    'created_by', _invite.created_by,
    'created_at', private.rfc3339(_invite.created_at))
$$;

create function private.create_invite(
  _workspace uuid, _role text, _code text, _max_uses integer, _expires_in_days integer, _email text
) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  role public.roles;
  made public.invites;
  ends_at timestamptz;
  mail jsonb;
  refusal jsonb := private.refusal(_workspace, 'invites.manage');
begin
  if refusal is not null then
    return refusal;
  end if;
  role := private.role_named(_workspace, _role);
  if role.id is null then
    return private.refuse(422, 'unknown_role', 'This workspace has no such role.');
  elsif char_length(translate(_code, '- ', '')) < 16 or _expires_in_days not between 1 and 30 then
    return private.refuse(422, 'invalid_invite', 'A code has at least 16 characters and lives 1 to 30 days.');
  elsif _email is not null and _code !~ '^[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}$' then
    -- Who calls this without our function would else have us mail whatever they like to whom they like.
    return private.refuse(422, 'invalid_invite', 'A code that is mailed is made like ours: 0000-0000-0000-0000.');
  elsif not private.covers(_workspace, role.id) then
    return private.refuse_granting(_workspace, _role);
  end if;
  ends_at := now() + make_interval(days => _expires_in_days);
  if _email is not null then
    -- Before anything is made, so that where no mail is taken there is no invite either.
    mail := private.queue_email(_workspace, 'invite', _email, jsonb_build_object(
      'code', _code, 'role', replace(_role, '_', ' '), 'expires_at', private.rfc3339(ends_at),
      -- One line, or nothing: whoever signs up without our function has the name they like.
      'invited_by', (
        select btrim(regexp_replace(name, '[[:cntrl:]\u2028-\u202e\u2066-\u2069]+', ' ', 'g'))
        from public.profiles where user_id = auth.uid() and name ~ '[[:alnum:]]')), _caller => auth.uid());
    if mail ? 'code' then
      return mail;
    end if;
  end if;
  insert into public.invites (workspace_id, role_id, code_hash, max_uses, expires_at, created_by)
  values (_workspace, role.id, private.invite_hash(_code), _max_uses, ends_at, auth.uid())
  returning * into made;
  perform private.audit(_workspace, auth.uid(), 'invite.created', made.id::text,
    jsonb_strip_nulls(jsonb_build_object('role', _role, 'max_uses', _max_uses, 'expires_in_days', _expires_in_days,
      'mailed', nullif(_email is not null, false))));
  return private.answer(private.invite_json(made), 201);
end
$$;
comment on function private.create_invite is 'With an address the code is mailed there. That takes invites.manage alone, and of the mails of a day.';

create function public.create_invite(
  workspace_id uuid, role text, code text, max_uses integer default 1, expires_in_days integer default 7,
  email text default null) returns jsonb
language sql
set search_path = ''
as $$
  select private.create_invite(workspace_id, role, code, max_uses, expires_in_days, email)
$$;

create function private.list_invites(_workspace uuid, _after uuid, _limit integer) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  refusal jsonb := private.refusal(_workspace, 'invites.manage');
begin
  if refusal is not null then
    return refusal;
  end if;
  return private.answer((
    select coalesce(jsonb_agg(private.invite_json(page) order by page.id), '[]')
    from (
      select * from public.invites
      where workspace_id = _workspace and (_after is null or id > _after)
      order by id limit least(_limit, 101)
    ) as page));
end
$$;

create function public.list_invites(workspace_id uuid, after uuid default null, page_size integer default 51) returns jsonb
language sql
set search_path = ''
as $$
  select private.list_invites(workspace_id, after, page_size)
$$;

create function private.revoke_invite(_workspace uuid, _invite uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  refusal jsonb := private.refusal(_workspace, 'invites.manage');
begin
  if refusal is not null then
    return refusal;
  end if;
  update public.invites set revoked_at = coalesce(revoked_at, now()) where workspace_id = _workspace and id = _invite;
  if not found then
    return private.not_found();
  end if;
  perform private.audit(_workspace, auth.uid(), 'invite.revoked', _invite::text);
  return private.answer(null, 204);
end
$$;

create function public.revoke_invite(workspace_id uuid, invite_id uuid) returns jsonb
language sql
set search_path = ''
as $$
  select private.revoke_invite(workspace_id, invite_id)
$$;

create function private.is_good(_invite public.invites) returns boolean
language sql stable
set search_path = ''
as $$
  select _invite.revoked_at is null
    and _invite.expires_at > now()
    and _invite.uses < _invite.max_uses
    and private.permission_scope(_invite.workspace_id, 'invites.manage', _invite.created_by) is not null
    and private.covers(_invite.workspace_id, _invite.role_id, _invite.created_by)
$$;
comment on function private.is_good is 'Whether an invite can be redeemed now, which includes that its maker could still make it.';

create function private.redeem_invite(_code text, _user uuid) returns uuid
language plpgsql
set search_path = ''
as $$
declare
  invite public.invites;
begin
  -- The row lock makes simultaneous redemptions queue for the uses that are left.
  select * into invite from public.invites where code_hash = private.invite_hash(_code) for update;
  if not found or not private.is_good(invite) then
    return null;
  end if;
  insert into public.members (workspace_id, user_id, role_id)
  values (invite.workspace_id, _user, invite.role_id)
  on conflict do nothing;
  if found then
    update public.invites set uses = uses + 1 where id = invite.id;
    perform private.audit(invite.workspace_id, _user, 'member.joined', _user::text, jsonb_build_object('invite', invite.id));
  end if;
  return invite.workspace_id;
end
$$;
comment on function private.redeem_invite is
  'The workspace joined; null for a code that is unknown, expired, revoked, used up or whose maker may no longer grant '
  'the role. For a member it changes nothing.';

create function private.join_workspace(_code text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  workspace uuid;
  taken jsonb := private.take_limits(jsonb_build_array(jsonb_build_object(
    'name', 'invites.join', 'subject', auth.uid(), 'quota', 10, 'window_seconds', 900, 'units', 1)));
begin
  -- Throttled here and not by the caller: the procedure can be called without our functions too.
  if not (taken -> 'admitted')::boolean then
    return private.refuse(429, 'rate_limited', 'Too many tries. Wait before the next one.')
      || jsonb_build_object('limits', taken -> 'limits');
  end if;
  if not exists (select from public.profiles where user_id = auth.uid()) then
    return null;  -- the token outlived its person, see public.me
  end if;
  workspace := private.redeem_invite(_code, auth.uid());
  if workspace is null then
    perform private.audit(private.platform(), auth.uid(), 'invite.denied', null);
    return private.refuse(404, 'invite_invalid', 'This invite code does not work. Ask for a new one.')
      || jsonb_build_object('limits', taken -> 'limits');
  end if;
  return private.answer(jsonb_build_object(
    'workspace_id', workspace, 'role', private.member_json(workspace, auth.uid()) -> 'role'));
end
$$;

create function public.join_workspace(code text) returns jsonb
language sql
set search_path = ''
as $$
  select private.join_workspace(code)
$$;

revoke execute on function
  private.invite_hash, private.invite_json, private.is_good, private.redeem_invite,
  private.create_invite, public.create_invite, private.list_invites, public.list_invites,
  private.revoke_invite, public.revoke_invite, private.join_workspace, public.join_workspace
from public, anon, authenticated;
grant execute on function
  private.create_invite, public.create_invite, private.list_invites, public.list_invites,
  private.revoke_invite, public.revoke_invite, private.join_workspace, public.join_workspace
to authenticated;
