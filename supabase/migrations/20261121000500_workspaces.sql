-- Workspaces, the people in them, and what their roles permit.
set lock_timeout = '5s';
set statement_timeout = '60s';

create table public.workspaces (
  id uuid primary key default gen_random_uuid(),
  name text not null check (char_length(btrim(name)) between 1 and 100),
  time_zone text not null default 'UTC' check (char_length(time_zone) <= 64),
  locale text not null default 'en' check (locale ~ '^[a-z]{2,3}(-[A-Z]{2})?$'),
  currency char(3) not null default 'USD' check (currency ~ '^[A-Z]{3}$'),
  country char(2) check (country ~ '^[A-Z]{2}$'),
  legal_name text check (char_length(legal_name) between 1 and 200),
  legal_address text check (char_length(legal_address) between 1 and 500),
  tax_id text check (char_length(tax_id) between 1 and 50),
  colour text check (colour ~ '^#[0-9a-f]{6}$'),
  reply_to text check (char_length(reply_to) <= 254 and reply_to ~ '^[^@\s]{1,64}@[^@\s]+\.[^@\s]+$'),
  track_opens boolean not null default false,
  takes_guests boolean not null default false,
  logo text check (logo ~ ('^' || id::text || '/[0-9a-f-]{36}\.(png|jpg)$')),
  revision bigint not null default 1,
  created_at timestamptz not null default now()
);
comment on table public.workspaces is 'The tenant: a studio, a collection, a café, a marketplace, a showcase.';
comment on column public.workspaces.legal_name is 'The seller, as invoices name it; likewise legal_address and tax_id.';
comment on column public.workspaces.colour is 'Of what it sends, as #rrggbb; null for ours.';
comment on column public.workspaces.reply_to is
  'Personal data, possibly: the address where customers'' answers go; null for none.';
comment on column public.workspaces.takes_guests is 'Whether people who aren''t in it may ask for quotes.';
comment on column public.workspaces.track_opens is 'Whether it is recorded that a mail was opened.';
comment on column public.workspaces.logo is
  'The path of a file in the bucket logos, below the workspace''s own id; null for none. Each upload has a path of its own.';
comment on column public.workspaces.revision is 'Counts changes; the ETag.';

create table public.permissions (
  name text primary key check (name ~ '^[a-z]+\.[a-z]+$'),
  description text not null,
  scopes text[] not null default '{all}' check (scopes <@ '{all,own,assigned}')
);
comment on table public.permissions is 'Every permission there is. Migrations add to it.';
comment on column public.permissions.scopes is
  'How a role may narrow it. More than all only where the functions honour it: else the narrowed would be the whole.';

create table public.roles (
  id uuid primary key default gen_random_uuid(),
  workspace_id uuid references public.workspaces on delete cascade,
  name text not null check (name ~ '^[a-z][a-z0-9_]{0,39}$'),
  description text not null default '' check (char_length(description) <= 200),
  unique nulls not distinct (workspace_id, name)
);
comment on table public.roles is 'What a member is; what it permits is in role_permissions.';
comment on column public.roles.workspace_id is 'Null for the built-in roles, which every workspace has.';

create table public.role_permissions (
  role_id uuid not null references public.roles on delete cascade,
  permission text not null references public.permissions,
  scope text not null default 'all' check (scope in ('all', 'own', 'assigned')),
  primary key (role_id, permission)
);
comment on table public.role_permissions is 'What each role permits. A change takes effect with the next statement.';
comment on column public.role_permissions.scope is
  'all: everything in the workspace; own: what the person made; assigned: what is assigned to them.';

create table public.profiles (
  user_id uuid primary key references auth.users on delete cascade,
  name text not null check (char_length(name) <= 100),
  default_workspace_id uuid references public.workspaces on delete set null
);
comment on table public.profiles is 'A person, beside what Supabase Auth knows of them.';
comment on column public.profiles.name is 'Personal data: the name the person gave.';
comment on column public.profiles.default_workspace_id is 'The workspace of a request that names none.';

create table public.members (
  workspace_id uuid not null references public.workspaces on delete cascade,
  user_id uuid not null references auth.users on delete cascade,
  role_id uuid not null references public.roles,
  joined_at timestamptz not null default now(),
  primary key (workspace_id, user_id)
);

comment on table public.members is 'Who is in which workspace, with which role.';

create table public.platform_admins (
  user_id uuid primary key references auth.users on delete cascade,
  made_at timestamptz not null default now()
);
comment on table public.platform_admins is 'Platform admins hold every permission in every workspace.';

alter table public.workspaces enable row level security;
alter table public.permissions enable row level security;
alter table public.roles enable row level security;
alter table public.role_permissions enable row level security;
alter table public.profiles enable row level security;
alter table public.members enable row level security;
alter table public.platform_admins enable row level security;

create index members_by_user on public.members (user_id, joined_at);
create index members_by_role on public.members (role_id);
create index profiles_by_default_workspace on public.profiles (default_workspace_id);
create index role_permissions_by_permission on public.role_permissions (permission);

insert into public.permissions (name, description) values
  ('workspace.manage', 'Change the workspace itself'),
  ('roles.manage', 'Make and change the workspace''s own roles'),
  ('members.read', 'See who is in the workspace'),
  ('members.manage', 'Change roles of members and remove them'),
  ('invites.manage', 'Invite people and take invites back'),
  ('audit.read', 'Read the audit log'),
  ('reports.read', 'Read reports'),
  ('analytics.read', 'Read analytics'),
  ('inventory.read', 'See items, folders and stock'),
  ('inventory.write', 'Change items and folders, import'),
  ('stock.move', 'Record stock movements'),
  ('designs.write', 'Make and change designs'),
  ('designs.delete', 'Delete designs'),
  ('detect.use', 'Turn photos into items'),
  ('voice.use', 'Give spoken commands'),
  ('assistant.use', 'Talk to the assistant'),
  ('quotes.write', 'Make quotes'),
  ('orders.read', 'See orders'),
  ('orders.write', 'Move orders along their workflow'),
  ('payments.start', 'Start payments'),
  ('payments.refund', 'Refund payments'),
  ('invoices.read', 'See invoices'),
  ('invoices.write', 'Issue and credit invoices'),
  ('email.send', 'Send mail');

update public.permissions as p
set scopes = narrowed.scopes
from (values
  ('designs.delete', '{all,own}'::text[]),
  ('quotes.write', '{all,own}'),
  ('orders.read', '{all,own,assigned}'),
  ('orders.write', '{all,own,assigned}'),
  ('payments.start', '{all,own}'),
  ('invoices.read', '{all,own}')
) as narrowed(name, scopes)
where p.name = narrowed.name;

insert into public.roles (name, description) values
  ('owner', 'May do everything'),
  ('admin', 'Runs the workspace and its people'),
  ('manager', 'Runs the business'),
  ('inventory_manager', 'Looks after the stock'),
  ('designer', 'Makes designs'),
  ('staff', 'Works with stock, quotes and orders'),
  ('readonly', 'Looks, and changes nothing'),
  ('buyer', 'Orders for itself'),
  ('supplier', 'Produces what is assigned to it'),
  ('factory', 'Produces what is assigned to it');

insert into public.role_permissions (role_id, permission, scope)
select r.id, granted.permission, granted.scope
from (
  select 'owner' as role, name as permission, 'all' as scope from public.permissions
  union all
  select 'admin', name, 'all' from public.permissions where name not in ('workspace.manage', 'roles.manage')
  union all
  select 'manager', name, 'all' from public.permissions
  where name not in ('workspace.manage', 'roles.manage', 'members.manage', 'invites.manage')
  union all
  select role, unnest(permissions), scope
  from (values
    ('inventory_manager', 'all',
      '{members.read,reports.read,inventory.read,inventory.write,stock.move,detect.use,voice.use,assistant.use}'::text[]),
    ('designer', 'all', '{members.read,inventory.read,designs.write,detect.use,voice.use,assistant.use}'),
    ('designer', 'own', '{designs.delete}'),
    ('staff', 'all',
      '{members.read,inventory.read,stock.move,detect.use,voice.use,assistant.use,quotes.write,orders.read,email.send}'),
    ('readonly', 'all', '{members.read,inventory.read,orders.read}'),
    ('buyer', 'all', '{detect.use,voice.use,assistant.use}'),
    ('buyer', 'own', '{quotes.write,orders.read,orders.write,payments.start,invoices.read}'),
    ('supplier', 'all', '{detect.use,voice.use,assistant.use}'),
    ('supplier', 'assigned', '{orders.read,orders.write}'),
    ('factory', 'all', '{detect.use,voice.use,assistant.use}'),
    ('factory', 'assigned', '{orders.read,orders.write}')
  ) as narrow(role, scope, permissions)
) as granted
join public.roles as r on r.name = granted.role and r.workspace_id is null;

-- Who is asking -----------------------------------------------------------------------------------------------------

create function private.is_platform_admin(_user uuid default auth.uid()) returns boolean
language sql stable security definer
set search_path = ''
as $$
  select exists (select from public.platform_admins where user_id = _user)
$$;

create function private.permission_scope(_workspace uuid, _permission text, _user uuid default auth.uid()) returns text
language sql stable security definer
set search_path = ''
as $$
  select 'all' from public.platform_admins where user_id = _user
  union all
  select rp.scope
  from public.members as m
  join public.role_permissions as rp on rp.role_id = m.role_id and rp.permission = _permission
  where m.workspace_id = _workspace and m.user_id = _user
  limit 1
$$;
comment on function private.permission_scope is 'all, own or assigned; null where the person lacks the permission.';

create function private.my_workspaces() returns setof uuid
language sql stable security definer
set search_path = ''
as $$
  select workspace_id from public.members where user_id = auth.uid()
$$;

create function private.visible_workspaces() returns setof uuid
language sql stable security definer
set search_path = ''
as $$
  select workspace_id from public.members where user_id = auth.uid()
  union all
  select id from public.workspaces where private.is_platform_admin()
$$;
comment on function private.visible_workspaces is 'Those one is in; for a platform admin all.';

create function private.workspaces_permitting(_permission text, _scope text default 'all') returns setof uuid
language sql stable security definer
set search_path = ''
as $$
  select m.workspace_id
  from public.members as m
  join public.role_permissions as rp on rp.role_id = m.role_id and rp.permission = _permission and rp.scope = _scope
  where m.user_id = auth.uid()
$$;
comment on function private.workspaces_permitting is
  'For policies, as "= any (array(select …))": asked once per query, and rows are found by index, also beside an "or". '
  '"in (select …) or …" would read the whole table.';

create function private.is_member(_workspace uuid, _user uuid default auth.uid()) returns boolean
language sql stable security definer
set search_path = ''
as $$
  select exists (select from public.members where workspace_id = _workspace and user_id = _user)
    or private.is_platform_admin(_user)
$$;

create function private.default_workspace(_user uuid default auth.uid()) returns uuid
language sql stable security definer
set search_path = ''
as $$
  select m.workspace_id
  from public.members as m
  left join public.profiles as p on p.user_id = m.user_id and p.default_workspace_id = m.workspace_id
  where m.user_id = _user
  order by p.user_id is null, m.joined_at, m.workspace_id
  limit 1
$$;
comment on function private.default_workspace is 'The person''s default while they are still in it, else the first they joined.';

create function private.not_found() returns jsonb
language sql
set search_path = ''
as $$
  select private.refuse(404, 'not_found', 'There is nothing here, or nothing you may see.')
$$;

create function private.session_stands() returns boolean
language sql stable security definer
set search_path = ''
as $$
  select exists (
    select from auth.sessions where id = (auth.jwt() ->> 'session_id')::uuid and user_id = auth.uid())
$$;
comment on function private.session_stands is
  'Whether the caller is still signed in. A token is good by itself until it expires, also after sign-out.';

create function private.audit_denial(_chain uuid, _user uuid, _target text, _details jsonb) returns void
language plpgsql
set search_path = ''
as $$
begin
  -- Bounded, for anybody can be denied as often as they like and the log is for ever.
  if (private.take_limits(jsonb_build_array(jsonb_build_object(
      'name', 'audit.denials', 'subject', _user, 'quota', 100, 'window_seconds', 900, 'units', 1))) -> 'admitted')::boolean then
    perform private.audit(_chain, _user, 'access.denied', _target, _details);
  end if;
end
$$;
comment on function private.audit_denial is 'The first hundred denials of a person in any quarter of an hour are written down.';

create function private.refusal(_workspace uuid, _permission text, _user uuid default auth.uid()) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
begin
  if _user is not distinct from auth.uid() and not private.session_stands() then
    return private.refuse(401, 'token_invalid', 'This needs a valid access token, as Authorization: Bearer <token>.');
  elsif private.permission_scope(_workspace, _permission, _user) is not null
      and exists (select from public.workspaces where id = _workspace) then
    return null;
  elsif private.is_member(_workspace, _user) and exists (select from public.workspaces where id = _workspace) then
    perform private.audit_denial(_workspace, _user, _workspace::text, jsonb_build_object('permission', _permission));
    return private.refuse(403, 'permission_denied', 'Your role in this workspace does not permit this.');
  end if;
  -- Alike for a workspace of others and for none: the same bytes, the same work.
  perform private.audit_denial(private.platform(), _user, _workspace::text, jsonb_build_object('permission', _permission));
  return private.not_found();
end
$$;
comment on function private.refusal is
  'Null when the person holds the permission, else what to return: 403 for a member, 404 for everybody else, both '
  'audited; 401 for somebody who signed out.';

revoke execute on function
  private.is_platform_admin, private.permission_scope, private.my_workspaces, private.visible_workspaces,
  private.workspaces_permitting,
  private.is_member, private.default_workspace, private.not_found, private.session_stands, private.audit_denial,
  private.refusal
from public, anon, authenticated;
grant execute on function private.my_workspaces, private.visible_workspaces, private.workspaces_permitting to authenticated;

-- The last owner stays ----------------------------------------------------------------------------------------------

create function private.owner_role() returns uuid
language sql stable
set search_path = ''
as $$
  select id from public.roles where workspace_id is null and name = 'owner'
$$;

create function private.keep_an_owner() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  if old.role_id = private.owner_role() and (
      tg_op = 'DELETE'
      or (new.workspace_id, new.user_id, new.role_id) is distinct from (old.workspace_id, old.user_id, old.role_id)) then
    -- Two owners leave one after the other only: a mere lock would let the second go by its older snapshot where it
    -- runs as repeatable read. No row means the workspace itself is being deleted.
    update public.workspaces set revision = revision where id = old.workspace_id;
    if found and not exists (
      select from public.members
      where workspace_id = old.workspace_id and role_id = old.role_id and user_id <> old.user_id
    ) and (
      -- Whose account is deleted may go as the last of all: the workspace stays behind, with nobody in it.
      exists (select from auth.users where id = old.user_id)
      or exists (select from public.members where workspace_id = old.workspace_id and user_id <> old.user_id)
    ) then
      raise exception 'a workspace keeps at least one owner' using errcode = 'BR001';
    end if;
  end if;
  return case tg_op when 'DELETE' then old else new end;
end
$$;

create trigger members_keep_an_owner
  before update or delete on public.members
  for each row execute function private.keep_an_owner();

create function private.forget_answers() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
  -- The request that brings the change about keeps its own record.
  delete from private.idempotency
  where caller = old.user_id::text and id is distinct from private.header('x-idempotency-record')::uuid;
  return null;
end
$$;
comment on function private.forget_answers is 'Who lost a role is not given again what they were answered in it.';

create trigger members_forget_answers
  after update or delete on public.members
  for each row execute function private.forget_answers();

revoke execute on function private.owner_role, private.keep_an_owner, private.forget_answers
from public, anon, authenticated;

-- Reading -----------------------------------------------------------------------------------------------------------

grant select on public.workspaces, public.permissions, public.roles, public.role_permissions, public.profiles,
  public.members to authenticated;
grant select on public.workspaces, public.permissions, public.roles, public.role_permissions, public.profiles,
  public.members, public.platform_admins to service_role;

create policy "members see their workspaces" on public.workspaces for select to authenticated
  using (id = any (array(select private.visible_workspaces())));

create policy "everybody signed in sees the permissions" on public.permissions for select to authenticated
  using (true);

create policy "built-in roles and those of one's workspaces are seen" on public.roles for select to authenticated
  using (workspace_id is null or workspace_id = any (array(select private.my_workspaces())));

create policy "what seen roles permit is seen" on public.role_permissions for select to authenticated
  using (role_id = any (array(select id from public.roles)));

create policy "people see themselves" on public.profiles for select to authenticated
  using (user_id = (select auth.uid()));

create policy "members see themselves, and others where permitted" on public.members for select to authenticated
  using (
    user_id = (select auth.uid()) or workspace_id = any (array(select private.workspaces_permitting('members.read'))));

-- Logos -------------------------------------------------------------------------------------------------------------

-- Public, for the mails that show them are opened by anybody. No policy: only the service writes, and nobody lists.
insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values ('logos', 'logos', true, 500000, '{image/png,image/jpeg}');
