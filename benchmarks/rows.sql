-- %(rows)s of everything. Ids are hashes: real ones come in no order either. Every second person is also in one large
-- workspace.
set session_replication_role = replica;

insert into auth.users (id, email, email_confirmed_at, raw_user_meta_data)
select md5('person' || i)::uuid, 'person.' || i || '@example.com', now(), '{"name": "Somebody"}'
from generate_series(1, %(rows)s) as i;

insert into public.workspaces (id, name)
select md5('workspace' || i)::uuid, 'Workspace ' || i from generate_series(0, %(rows)s) as i;

insert into public.roles (id, workspace_id, name)
select md5('role' || i)::uuid, md5('workspace' || i)::uuid, 'clerk' from generate_series(1, %(rows)s) as i;

insert into public.role_permissions (role_id, permission)
select md5('role' || i)::uuid, permission
from generate_series(1, %(rows)s) as i, unnest('{detect.use,inventory.read,members.read}'::text[]) as permission;

insert into public.profiles (user_id, name, default_workspace_id)
select md5('person' || i)::uuid, 'Somebody', md5('workspace' || i)::uuid from generate_series(1, %(rows)s) as i;

insert into public.members (workspace_id, user_id, role_id)
select md5('workspace' || i)::uuid, md5('person' || i)::uuid, md5('role' || i)::uuid
from generate_series(1, %(rows)s) as i
union all
select md5('workspace0')::uuid, md5('person' || i)::uuid, (select id from public.roles where name = 'staff')
from generate_series(1, %(rows)s, 2) as i;

insert into private.rate_limits (name, subject, taken)
select 'detect', encode(sha256(convert_to(md5('person' || i)::uuid::text, 'UTF8')), 'hex'), array[now(), now(), now()]
from generate_series(1, %(rows)s) as i;

insert into private.idempotency (caller, route, key, fingerprint, leased_until, status, answer)
select md5('person' || i)::uuid::text, 'POST /api/detect/', 'kept', repeat('0', 64), now(), 201, '{"text": "kept"}'
from generate_series(1, %(rows)s) as i;

insert into private.audit_heads (chain, sequence, hash)
select md5('workspace' || i)::uuid, 1, sha256('') from generate_series(0, %(rows)s) as i;

insert into private.audit_log (chain, sequence, at, action, details, hash)
select md5('workspace' || i)::uuid, 1, now(), 'workspace.created', '{}', sha256('')
from generate_series(0, %(rows)s) as i;

insert into public.detections
  (workspace_id, user_id, kind, image_sha256, prompt_sha256, items, text, confidence, provider, model,
   cost_micro_usd, processing_time_ms)
select md5('workspace' || i)::uuid, md5('person' || i)::uuid, 'general', repeat('0', 64), repeat('0', 64), '[]', '', 0,
  'local', 'x', 0, 1
from generate_series(1, %(rows)s) as i;

set session_replication_role = origin;
