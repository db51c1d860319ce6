-- Detections: what a photo was found to show, by which engine.
set lock_timeout = '5s';
set statement_timeout = '60s';

create table public.detections (
  id uuid primary key default gen_random_uuid(),
  workspace_id uuid not null references public.workspaces on delete cascade,
  user_id uuid references auth.users on delete set null,
  kind text not null check (kind in ('collectible', 'pantry', 'apparel', 'balloon', 'document', 'general')),
  image_sha256 text not null check (image_sha256 ~ '^[0-9a-f]{64}$'),
  items jsonb not null check (jsonb_typeof(items) = 'array' and jsonb_array_length(items) <= 200),
  text text not null check (char_length(text) <= 20000),
  confidence real not null check (confidence between 0 and 1),
  provider text not null check (char_length(provider) <= 40),
  model text not null check (char_length(model) <= 100),
  processing_time_ms integer not null check (processing_time_ms >= 0),
  created_at timestamptz not null default now()
);
comment on table public.detections is 'What a photo was found to show.';
comment on column public.detections.image_sha256 is 'Of the bytes sent; the image itself is not kept.';
comment on column public.detections.text is 'Personal data, possibly: whatever could be read in the photo.';

alter table public.detections enable row level security;
create index detections_by_workspace on public.detections (workspace_id, created_at desc, id);
create index detections_by_user on public.detections (user_id);

grant select on public.detections to authenticated, service_role;

create policy "people see their detections, and a workspace's where they see its inventory" on public.detections
  for select to authenticated
  using (
    (user_id = (select auth.uid()) and workspace_id = any (array(select private.my_workspaces())))
    or workspace_id = any (array(select private.workspaces_permitting('inventory.read'))));

create function private.record_detection(_caller uuid, _workspace uuid, _detection jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  made public.detections;
  -- Once more: the engine took its time, and the person may have been removed meanwhile.
  refusal jsonb := private.refusal(_workspace, 'detect.use', _caller);
begin
  if refusal is not null then
    return refusal;
  end if;
  insert into public.detections (workspace_id, user_id, kind, image_sha256, items, text, confidence, provider, model, processing_time_ms)
  select _workspace, _caller, d.kind, d.image_sha256, d.items, d.text, d.confidence, d.provider, d.model, d.processing_time_ms
  from jsonb_populate_record(null::public.detections, _detection) as d
  returning * into made;
  perform private.audit(_workspace, _caller, 'detection.created', made.id::text,
    jsonb_build_object('kind', made.kind, 'provider', made.provider, 'items', jsonb_array_length(made.items)));
  return private.answer(
    jsonb_build_object('detection_id', made.id) || (_detection - array['image_sha256', 'kind']), 201);
end
$$;

create function public.record_detection(caller uuid, workspace_id uuid, detection jsonb) returns jsonb
language sql
set search_path = ''
as $$
  select private.record_detection(caller, workspace_id, detection)
$$;
comment on function public.record_detection is
  'For service_role only: a person calling it would skip the limit.';

revoke execute on function private.record_detection, public.record_detection from public, anon, authenticated;
grant execute on function private.record_detection, public.record_detection to service_role;
