-- Changing workspaces, members and roles. Each change: permission, change, audit entry, answer, in one transaction.
set lock_timeout = '5s';
set statement_timeout = '60s';

-- Shapes of answers -------------------------------------------------------------------------------------------------

create function private.rfc3339(_at timestamptz) returns text
language sql immutable
set search_path = ''
as $$
  select to_char(_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

create function private.role_permission_names(_role uuid) returns jsonb
language sql stable
set search_path = ''
as $$
  select coalesce(jsonb_agg(permission || case scope when 'all' then '' else ':' || scope end order by permission), '[]')
  from public.role_permissions where role_id = _role
$$;
comment on function private.role_permission_names is '["inventory.read", "orders.read:own", …].';

create function private.workspace_json(_workspace public.workspaces) returns jsonb
language sql stable
set search_path = ''
as $$
  select to_jsonb(_workspace) || jsonb_build_object('created_at', private.rfc3339(_workspace.created_at))
$$;

create function private.role_json(_role public.roles) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'name', _role.name,
    'description', _role.description,
    'built_in', _role.workspace_id is null,
    'permissions', private.role_permission_names(_role.id))
$$;

create function private.member_json(_workspace uuid, _user uuid) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'user_id', m.user_id, 'name', p.name, 'email', u.email, 'role', r.name, 'joined_at', private.rfc3339(m.joined_at))
  from public.members as m
  join public.roles as r on r.id = m.role_id
  join public.profiles as p on p.user_id = m.user_id
  join auth.users as u on u.id = m.user_id
  where m.workspace_id = _workspace and m.user_id = _user
$$;

create function private.role_named(_workspace uuid, _name text) returns public.roles
language sql stable
set search_path = ''
as $$
  select * from public.roles where name = _name and (workspace_id = _workspace or workspace_id is null)
$$;

create function private.holds(_workspace uuid, _permissions jsonb, _user uuid default auth.uid()) returns boolean
language sql stable
set search_path = ''
as $$
  -- Materialized: inside the exists the planner expects to be done early, and reads all members to that end.
  with held as materialized (
    select rp.permission, rp.scope
    from public.members as m
    join public.role_permissions as rp on rp.role_id = m.role_id
    where m.workspace_id = _workspace and m.user_id = _user
  )
  select private.is_platform_admin(_user) or not exists (
    select from jsonb_array_elements_text(_permissions) as wanted(permission)
    where not exists (
      select from held
      where held.permission = split_part(wanted.permission, ':', 1)
        and held.scope in ('all', split_part(wanted.permission, ':', 2))))
$$;
comment on function private.holds is
  'Whether the person holds all these permissions, each at least as widely: nobody grants what they lack.';

create function private.covers(_workspace uuid, _role uuid, _user uuid default auth.uid()) returns boolean
language sql stable
set search_path = ''
as $$
  select private.holds(_workspace, private.role_permission_names(_role), _user)
$$;
comment on function private.covers is 'Whether the person holds all that the role permits.';

create function private.refuse_granting(_workspace uuid, _role text) returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  perform private.audit_denial(_workspace, auth.uid(), _role, '{"permission": "grant"}');
  return private.refuse(403, 'permission_denied', 'Nobody grants or takes away a permission they lack themselves.');
end
$$;

-- Workspaces --------------------------------------------------------------------------------------------------------

create function private.is_time_zone(_name text) returns boolean
language plpgsql stable
set search_path = ''
as $$
begin
  -- PostgreSQL also takes abbreviations, POSIX strings such as 'Foo3' and any spelling: nobody else does. Its own
  -- names beside IANA's start with a small letter. Reading them all takes some 30 ms.
  return _name = 'UTC'
    or _name ~ '^[A-Z]' and exists (select from pg_catalog.pg_timezone_names as zone where zone.name = _name);
end
$$;

create function private.new_workspace(_name text, _owner uuid, _settings jsonb default '{}') returns public.workspaces
language plpgsql
set search_path = ''
as $$
declare
  made public.workspaces;
begin
  insert into public.workspaces (name, time_zone, locale, currency, country)
  values (
    btrim(_name),
    coalesce(_settings ->> 'time_zone', 'UTC'),
    coalesce(_settings ->> 'locale', 'en'),
    coalesce(_settings ->> 'currency', 'USD'),
    _settings ->> 'country')
  returning * into made;
  insert into public.members (workspace_id, user_id, role_id) values (made.id, _owner, private.owner_role());
  perform private.audit(made.id, _owner, 'workspace.created', made.id::text);
  return made;
end
$$;

create function private.create_workspace(_name text, _settings jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
begin
  if not exists (select from public.profiles where user_id = auth.uid()) then
    return null;  -- the token outlived its person, see public.me
  elsif not private.is_time_zone(coalesce(_settings ->> 'time_zone', 'UTC')) then
    return private.refuse(422, 'unknown_time_zone', 'time_zone is an IANA name such as Europe/Berlin.');
  end if;
  return private.answer(private.workspace_json(private.new_workspace(_name, auth.uid(), _settings)), 201);
end
$$;

create function public.create_workspace(name text, settings jsonb default '{}') returns jsonb
language sql
set search_path = ''
as $$
  select private.create_workspace(name, settings)
$$;

create function private.read_workspace(_workspace uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  found_workspace public.workspaces;
begin
  select * into found_workspace from public.workspaces where id = _workspace;
  if found_workspace.id is null or not private.is_member(_workspace) then
    perform private.audit_denial(private.platform(), auth.uid(), _workspace::text, '{}');
    return private.not_found();
  end if;
  return private.answer(private.workspace_json(found_workspace));
end
$$;

create function public.read_workspace(workspace_id uuid) returns jsonb
language sql
set search_path = ''
as $$
  select private.read_workspace(workspace_id)
$$;
comment on function public.read_workspace is 'What members could select themselves; a procedure, so that a stranger''s try is audited.';

create function private.update_workspace(_workspace uuid, _changes jsonb, _revision bigint) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  current public.workspaces;
  refusal jsonb := private.refusal(_workspace, 'workspace.manage');
begin
  if refusal is not null then
    return refusal;
  end if;
  select * into strict current from public.workspaces where id = _workspace for update;
  if _revision is not null and _revision <> current.revision then
    return private.refuse(412, 'changed_meanwhile', 'Somebody changed this workspace since you read it.');
  elsif _changes = '{}' then
    return private.answer(private.workspace_json(current));
  elsif not private.is_time_zone(coalesce(_changes ->> 'time_zone', 'UTC')) then
    return private.refuse(422, 'unknown_time_zone', 'time_zone is an IANA name such as Europe/Berlin.');
  end if;

  current := jsonb_populate_record(current, _changes - array['id', 'logo', 'revision', 'created_at']);
  update public.workspaces
  set name = btrim(current.name), time_zone = current.time_zone, locale = current.locale, currency = current.currency,
    country = current.country, legal_name = current.legal_name, legal_address = current.legal_address,
    tax_id = current.tax_id, colour = current.colour, reply_to = current.reply_to, track_opens = current.track_opens,
    takes_guests = current.takes_guests,
    revision = revision + 1
  where id = _workspace
  returning * into current;
  perform private.audit(_workspace, auth.uid(), 'workspace.changed', _workspace::text,
    jsonb_build_object('fields', (
      select jsonb_agg(key order by key) from jsonb_object_keys(to_jsonb(current)) as key where _changes ? key)));
  return private.answer(private.workspace_json(current));
end
$$;

create function public.update_workspace(workspace_id uuid, changes jsonb, revision bigint default null) returns jsonb
language sql
set search_path = ''
as $$
  select private.update_workspace(workspace_id, changes, revision)
$$;

create function private.set_logo(_workspace uuid, _logo text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  current public.workspaces;
  replaced text;
  refusal jsonb := private.refusal(_workspace, 'workspace.manage');
begin
  if refusal is not null then
    return refusal;
  end if;
  select * into strict current from public.workspaces where id = _workspace for update;
  if _logo is distinct from current.logo then
    replaced := current.logo;
    update public.workspaces set logo = _logo, revision = revision + 1 where id = _workspace returning * into current;
    perform private.audit(_workspace, auth.uid(), 'workspace.changed', _workspace::text, '{"fields": ["logo"]}');
  end if;
  return private.answer(private.workspace_json(current) || jsonb_build_object('replaced_logo', replaced));
end
$$;
comment on function private.set_logo is
  'The workspace, and as replaced_logo the path of the file that nothing names any more: it is the caller''s to remove.';

create function public.set_logo(workspace_id uuid, logo text default null) returns jsonb
language sql
set search_path = ''
as $$
  select private.set_logo(workspace_id, logo)
$$;

create function private.me() returns jsonb
language sql stable security definer
set search_path = ''
as $$
  select jsonb_build_object('status', 200, 'body', jsonb_build_object(
    'user', jsonb_build_object('id', u.id, 'email', u.email, 'name', p.name,
      'platform_admin', private.is_platform_admin(u.id)),
    'default_workspace_id', private.default_workspace(u.id),
    'workspaces', coalesce((
      select jsonb_agg(jsonb_build_object(
        'id', w.id, 'name', w.name, 'role', r.name, 'permissions', private.role_permission_names(r.id))
        order by m.joined_at, w.id)
      from public.members as m
      join public.workspaces as w on w.id = m.workspace_id
      join public.roles as r on r.id = m.role_id
      where m.user_id = u.id), '[]')))
  from auth.users as u
  join public.profiles as p on p.user_id = u.id
  where u.id = auth.uid()
$$;

create function public.me() returns jsonb
language sql stable
set search_path = ''
as $$
  select private.me()
$$;
comment on function public.me is 'Null for a token whose person has been deleted.';

-- Members -----------------------------------------------------------------------------------------------------------

create function private.list_members(_workspace uuid, _after uuid, _limit integer) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  refusal jsonb := private.refusal(_workspace, 'members.read');
begin
  if refusal is not null then
    return refusal;
  end if;
  return private.answer((
    select coalesce(jsonb_agg(private.member_json(_workspace, page.user_id) order by page.user_id), '[]')
    from (
      select user_id from public.members
      where workspace_id = _workspace and (_after is null or user_id > _after)
      order by user_id limit least(_limit, 101)
    ) as page));
end
$$;

create function public.list_members(workspace_id uuid, after uuid default null, page_size integer default 51) returns jsonb
language sql
set search_path = ''
as $$
  select private.list_members(workspace_id, after, page_size)
$$;

create function private.change_member(_workspace uuid, _user uuid, _role text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  member public.members;
  role public.roles;
  refusal jsonb := private.refusal(_workspace, 'members.manage');
begin
  if refusal is not null then
    return refusal;
  end if;
  select * into member from public.members where workspace_id = _workspace and user_id = _user for update;
  if not found then
    return private.not_found();
  end if;
  role := private.role_named(_workspace, _role);
  if role.id is null then
    return private.refuse(422, 'unknown_role', 'This workspace has no such role.');
  elsif not (private.covers(_workspace, role.id) and private.covers(_workspace, member.role_id)) then
    return private.refuse_granting(_workspace, _role);
  end if;

  update public.members set role_id = role.id where workspace_id = _workspace and user_id = _user;
  perform private.audit(_workspace, auth.uid(), 'member.changed', _user::text, jsonb_build_object('role', _role));
  return private.answer(private.member_json(_workspace, _user));
exception when sqlstate 'BR001' then
  return private.refuse(409, 'last_owner', 'A workspace keeps at least one owner.');
end
$$;

create function public.change_member(workspace_id uuid, user_id uuid, role text) returns jsonb
language sql
set search_path = ''
as $$
  select private.change_member(workspace_id, user_id, role)
$$;

create function private.remove_member(_workspace uuid, _user uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  member public.members;
  refusal jsonb;
begin
  if _user <> auth.uid() or not private.session_stands() or not private.is_member(_workspace) then
    refusal := private.refusal(_workspace, 'members.manage');
    if refusal is not null then
      return refusal;
    end if;
  end if;
  select * into member from public.members where workspace_id = _workspace and user_id = _user for update;
  if not found then
    return private.not_found();
  elsif _user <> auth.uid() and not private.covers(_workspace, member.role_id) then
    return private.refuse_granting(_workspace, _user::text);
  end if;

  delete from public.members where workspace_id = _workspace and user_id = _user;
  perform private.audit(_workspace, auth.uid(), 'member.removed', _user::text);
  return private.answer(null, 204);
exception when sqlstate 'BR001' then
  return private.refuse(409, 'last_owner', 'A workspace keeps at least one owner.');
end
$$;
comment on function private.remove_member is 'Members may always leave by themselves, except the last owner.';

create function public.remove_member(workspace_id uuid, user_id uuid) returns jsonb
language sql
set search_path = ''
as $$
  select private.remove_member(workspace_id, user_id)
$$;

-- Roles -------------------------------------------------------------------------------------------------------------

create function private.list_roles(_workspace uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  refusal jsonb := private.refusal(_workspace, 'members.read');
begin
  if refusal is not null then
    return refusal;
  end if;
  return private.answer((
    select jsonb_agg(private.role_json(r) order by r.workspace_id nulls first, r.name)
    from public.roles as r where r.workspace_id = _workspace or r.workspace_id is null));
end
$$;

create function public.list_roles(workspace_id uuid) returns jsonb
language sql
set search_path = ''
as $$
  select private.list_roles(workspace_id)
$$;

create function private.set_role_permissions(_role uuid, _permissions jsonb) returns void
language sql
set search_path = ''
as $$
  delete from public.role_permissions where role_id = _role;
  insert into public.role_permissions (role_id, permission, scope)
  select _role, split_part(name, ':', 1), coalesce(nullif(split_part(name, ':', 2), ''), 'all')
  from jsonb_array_elements_text(_permissions) as name;
$$;

create function private.unknown_permissions(_permissions jsonb) returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  if exists (
    select from jsonb_array_elements_text(_permissions) as given(permission)
    where given.permission !~ '^[a-z]+\.[a-z]+(:(own|assigned))?$'
      or not exists (
        select from public.permissions as p
        where p.name = split_part(given.permission, ':', 1)
          and coalesce(nullif(split_part(given.permission, ':', 2), ''), 'all') = any (p.scopes))
  ) then
    return private.refuse(422, 'unknown_permission',
      'A permission is named as in the list of permissions, with :own or :assigned where it can be narrowed so.');
  elsif (select count(*) <> count(distinct split_part(name, ':', 1)) from jsonb_array_elements_text(_permissions) as name) then
    return private.refuse(422, 'repeated_permission', 'Each permission is given once.');
  end if;
  return null;
end
$$;

create function private.create_role(_workspace uuid, _name text, _description text, _permissions jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  made public.roles;
  refusal jsonb := private.refusal(_workspace, 'roles.manage');
begin
  refusal := coalesce(refusal, private.unknown_permissions(_permissions));
  if refusal is not null then
    return refusal;
  end if;
  if (private.role_named(_workspace, _name)).id is not null then
    return private.refuse(409, 'role_exists', 'This workspace already has a role of that name.');
  end if;
  if not private.holds(_workspace, _permissions) then
    return private.refuse_granting(_workspace, null);
  end if;
  begin
    insert into public.roles (workspace_id, name, description)
    values (_workspace, _name, _description) returning * into made;
  exception when unique_violation then
    return private.refuse(409, 'role_exists', 'This workspace already has a role of that name.');
  end;
  perform private.set_role_permissions(made.id, _permissions);
  perform private.audit(_workspace, auth.uid(), 'role.created', _name, jsonb_build_object('permissions', _permissions));
  return private.answer(private.role_json(made), 201);
end
$$;

create function public.create_role(workspace_id uuid, name text, permissions jsonb, description text default '') returns jsonb
language sql
set search_path = ''
as $$
  select private.create_role(workspace_id, name, description, permissions)
$$;

create function private.update_role(_workspace uuid, _name text, _description text, _permissions jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  role public.roles;
  refusal jsonb := private.refusal(_workspace, 'roles.manage');
begin
  refusal := coalesce(refusal, private.unknown_permissions(coalesce(_permissions, '[]')));
  if refusal is not null then
    return refusal;
  end if;
  select * into role from public.roles where workspace_id = _workspace and name = _name for update;
  if not found then
    if (private.role_named(_workspace, _name)).id is not null then
      return private.refuse(409, 'built_in_role', 'Built-in roles stay as they are.');
    end if;
    return private.not_found();
  end if;
  -- Both before the change: whoever has this role would hold afterwards what they are giving themselves.
  if not (private.covers(_workspace, role.id) and private.holds(_workspace, coalesce(_permissions, '[]'))) then
    return private.refuse_granting(_workspace, _name);
  end if;
  update public.roles set description = coalesce(_description, description) where id = role.id returning * into role;
  if _permissions is not null then
    perform private.set_role_permissions(role.id, _permissions);
  end if;
  perform private.audit(_workspace, auth.uid(), 'role.changed', _name,
    jsonb_strip_nulls(jsonb_build_object('permissions', _permissions)));
  return private.answer(private.role_json(role));
end
$$;

create function public.update_role(
  workspace_id uuid, name text, description text default null, permissions jsonb default null) returns jsonb
language sql
set search_path = ''
as $$
  select private.update_role(workspace_id, name, description, permissions)
$$;

create function private.delete_role(_workspace uuid, _name text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  role public.roles;
  refusal jsonb := private.refusal(_workspace, 'roles.manage');
begin
  if refusal is not null then
    return refusal;
  end if;
  select * into role from public.roles where workspace_id = _workspace and name = _name for update;
  if not found then
    if (private.role_named(_workspace, _name)).id is not null then
      return private.refuse(409, 'built_in_role', 'Built-in roles stay as they are.');
    end if;
    return private.not_found();
  end if;
  if not private.covers(_workspace, role.id) then
    return private.refuse_granting(_workspace, _name);
  end if;
  begin
    delete from public.invites
    where role_id = role.id and (revoked_at is not null or expires_at <= now() or uses >= max_uses);
    delete from public.roles where id = role.id;
  exception when foreign_key_violation then
    return private.refuse(409, 'role_in_use', 'Members or open invites still have this role.');
  end;
  perform private.audit(_workspace, auth.uid(), 'role.deleted', _name);
  return private.answer(null, 204);
end
$$;

create function public.delete_role(workspace_id uuid, name text) returns jsonb
language sql
set search_path = ''
as $$
  select private.delete_role(workspace_id, name)
$$;

-- Audit -------------------------------------------------------------------------------------------------------------

create function private.list_audit(_workspace uuid, _before bigint, _limit integer) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  refusal jsonb := private.refusal(_workspace, 'audit.read');
begin
  if refusal is not null then
    return refusal;
  end if;
  return private.answer((
    select coalesce(jsonb_agg(jsonb_build_object(
      'sequence', page.sequence, 'at', private.rfc3339(page.at), 'actor', page.actor, 'action', page.action,
      'target', page.target, 'details', page.details, 'request_id', page.request_id,
      'hash', encode(page.hash, 'hex')) order by page.sequence desc), '[]')
    from (
      select * from private.audit_log
      where chain = _workspace and (_before is null or sequence < _before)
      order by sequence desc limit least(_limit, 101)
    ) as page));
end
$$;

create function public.list_audit(workspace_id uuid, before bigint default null, page_size integer default 51) returns jsonb
language sql
set search_path = ''
as $$
  select private.list_audit(workspace_id, before, page_size)
$$;

create function private.verify_workspace_audit(_workspace uuid, _sequence bigint, _hash text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  refusal jsonb := private.refusal(_workspace, 'audit.read');
begin
  if refusal is not null then
    return refusal;
  end if;
  return private.answer(private.verify_audit_log(_workspace, _sequence, _hash));
end
$$;

create function public.verify_workspace_audit(workspace_id uuid, sequence bigint default null, hash text default null) returns jsonb
language sql
set search_path = ''
as $$
  select private.verify_workspace_audit(workspace_id, sequence, hash)
$$;

-- Grants ------------------------------------------------------------------------------------------------------------

revoke execute on function
  private.rfc3339, private.role_permission_names, private.workspace_json, private.role_json, private.member_json,
  private.role_named, private.holds, private.covers, private.refuse_granting, private.is_time_zone, private.new_workspace,
  private.set_role_permissions, private.unknown_permissions,
  private.create_workspace, public.create_workspace, private.read_workspace, public.read_workspace,
  private.update_workspace, public.update_workspace, private.set_logo, public.set_logo,
  private.me, public.me, private.list_members, public.list_members, private.change_member, public.change_member,
  private.remove_member, public.remove_member, private.list_roles, public.list_roles,
  private.create_role, public.create_role, private.update_role, public.update_role,
  private.delete_role, public.delete_role, private.list_audit, public.list_audit,
  private.verify_workspace_audit, public.verify_workspace_audit
from public, anon, authenticated;
grant execute on function
  private.create_workspace, public.create_workspace, private.read_workspace, public.read_workspace,
  private.update_workspace, public.update_workspace, private.set_logo, public.set_logo,
  private.me, public.me, private.list_members, public.list_members, private.change_member, public.change_member,
  private.remove_member, public.remove_member, private.list_roles, public.list_roles,
  private.create_role, public.create_role, private.update_role, public.update_role,
  private.delete_role, public.delete_role, private.list_audit, public.list_audit,
  private.verify_workspace_audit, public.verify_workspace_audit
to authenticated;
