-- People arrive: signing up makes a workspace or joins one, and the first platform admin is made.
set lock_timeout = '5s';
set statement_timeout = '60s';

create function private.welcome() returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  given jsonb := coalesce(new.raw_user_meta_data, '{}');
  called text := left(btrim(coalesce(given ->> 'name', '')), 100);
  workspace uuid;
begin
  insert into public.profiles (user_id, name) values (new.id, called);
  if given ? 'invite_code' then
    workspace := private.redeem_invite(given ->> 'invite_code', new.id);
    if workspace is null then
      raise exception 'invite_invalid' using errcode = 'BR003';
    end if;
    -- A code with uses left is a secret: it does not stay in the person's metadata.
    update auth.users set raw_user_meta_data = raw_user_meta_data - 'invite_code' where id = new.id;
  else
    workspace := (private.new_workspace(
      coalesce(nullif(left(btrim(given ->> 'workspace_name'), 100), ''), nullif(called, ''), 'Workspace'), new.id)).id;
  end if;
  update public.profiles set default_workspace_id = workspace where user_id = new.id;
  return null;
end
$$;
comment on function private.welcome is
  'Runs inside Supabase Auth''s own transaction: a bad invite leaves no account, a failing sign-up no workspace.';

create trigger welcome after insert on auth.users for each row execute function private.welcome();

create function private.invite_works(_code text) returns boolean
language sql stable security definer
set search_path = ''
as $$
  select exists (
    select from public.invites as i where i.code_hash = private.invite_hash(_code) and private.is_good(i))
$$;

create function public.invite_works(code text) returns boolean
language sql stable
set search_path = ''
as $$
  select private.invite_works(code)
$$;
comment on function public.invite_works is
  'Tells a bad invite from an outage after a failed sign-up: Supabase Auth reports both as a database error.';

-- The first platform admin ------------------------------------------------------------------------------------------

create table private.bootstrap (
  once boolean primary key default true check (once),
  admin_id uuid not null,
  at timestamptz not null default now()
);
comment on table private.bootstrap is
  'At most one row, for ever: bootstrap-admin has been used. No foreign key: it outlives the person.';
alter table private.bootstrap enable row level security;

create function private.bootstrap_admin(_email text, _ip text, _token_is_right boolean) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  person uuid;
  -- A wrong try takes a unit; a right one only asks whether one is left, so that guessing is worthless once it is throttled.
  taken jsonb := private.take_limits(jsonb_build_array(jsonb_build_object(
    'name', 'bootstrap-admin', 'subject', _ip, 'quota', 3, 'window_seconds', 3600,
    'units', case when _token_is_right then 0 else 1 end)));
begin
  if not (taken -> 'admitted')::boolean then
    return private.refuse(429, 'rate_limited', 'Too many wrong tries. Wait before the next one.')
      || jsonb_build_object('limits', taken -> 'limits');
  elsif not _token_is_right then
    perform private.audit(private.platform(), null, 'bootstrap.denied', null);
    return private.refuse(401, 'token_invalid', 'The bootstrap token is wrong.')
      || jsonb_build_object('limits', taken -> 'limits');
  elsif exists (select from private.bootstrap) then
    return private.refuse(409, 'already_bootstrapped', 'A platform admin has been made before; this works once.');
  end if;

  select id into person from auth.users
  where private.normalise_email(email) = private.normalise_email(_email) and email_confirmed_at is not null;
  if not found then
    return private.refuse(404, 'not_found', 'Nobody has signed up and confirmed this address.');
  end if;
  insert into private.bootstrap (admin_id) values (person) on conflict do nothing;
  if not found then
    return private.refuse(409, 'already_bootstrapped', 'A platform admin has been made before; this works once.');
  end if;
  insert into public.platform_admins (user_id) values (person);
  perform private.audit(private.platform(), person, 'bootstrap.done', person::text);
  return private.answer(jsonb_build_object('user_id', person), 201);
end
$$;

create function public.bootstrap_admin(email text, ip text, token_is_right boolean) returns jsonb
language sql
set search_path = ''
as $$
  select private.bootstrap_admin(email, ip, token_is_right)
$$;
comment on function public.bootstrap_admin is 'The token is compared by the function, which alone knows it; its verdict is trusted from service_role only.';

revoke execute on function
  private.welcome, private.invite_works, public.invite_works, private.bootstrap_admin, public.bootstrap_admin
from public, anon, authenticated;
grant execute on function
  private.invite_works, public.invite_works, private.bootstrap_admin, public.bootstrap_admin
to service_role;
