-- Detections: what a photo was found to show, by which engine, and what people say it truly shows.
set lock_timeout = '5s';
set statement_timeout = '60s';

create table public.detections (
  id uuid primary key default gen_random_uuid(),
  workspace_id uuid not null references public.workspaces on delete cascade,
  user_id uuid references auth.users on delete set null,
  kind text not null check (kind in ('collectible', 'pantry', 'apparel', 'balloon', 'document', 'general')),
  image_sha256 text not null check (image_sha256 ~ '^[0-9a-f]{64}$'),
  prompt_sha256 text not null check (prompt_sha256 ~ '^[0-9a-f]{64}$'),
  items jsonb not null check (jsonb_typeof(items) = 'array' and jsonb_array_length(items) <= 200),
  text text not null check (char_length(text) <= 20000),
  confidence real not null check (confidence between 0 and 1),
  provider text not null check (char_length(provider) <= 40),
  model text not null check (char_length(model) <= 200),
  cost_micro_usd bigint not null check (cost_micro_usd >= 0),
  fallback_reason text check (char_length(fallback_reason) <= 500),
  processing_time_ms integer not null check (processing_time_ms >= 0),
  repeats uuid references public.detections on delete set null,
  created_at timestamptz not null default now()
);
comment on table public.detections is 'What a photo was found to show.';
comment on column public.detections.image_sha256 is 'Of the bytes sent; the image itself is not kept.';
comment on column public.detections.prompt_sha256 is 'Of what the person said about the photo; that itself is not kept either.';
comment on column public.detections.text is 'Personal data, possibly: whatever could be read in the photo.';
comment on column public.detections.items is 'Personal data, possibly: the things seen, with the lettering on them.';
comment on column public.detections.repeats is 'The answer this one repeats: somebody else had sent the same photo.';

create table public.detection_corrections (
  detection_id uuid primary key references public.detections on delete cascade,
  user_id uuid references auth.users on delete set null,
  items jsonb not null check (jsonb_typeof(items) = 'array' and jsonb_array_length(items) <= 200),
  detected integer not null check (detected >= 0),
  present integer not null check (present >= 0),
  correct integer not null check (correct between 0 and least(detected, present)),
  created_at timestamptz not null default now()
);
comment on table public.detection_corrections is 'What a photo truly shows, as a person says; the last word counts.';
comment on column public.detection_corrections.items is 'Personal data, possibly: as in detections.';
comment on column public.detection_corrections.correct is
  'Units found and truly there: of each name the smaller of the two quantities. Precision is correct/detected, recall correct/present.';

alter table public.detections enable row level security;
alter table public.detection_corrections enable row level security;
create index detections_by_workspace on public.detections (workspace_id, created_at desc, id desc);
create index detections_by_user on public.detections (user_id, workspace_id, created_at desc, id desc);
create index detections_of_image on public.detections (workspace_id, image_sha256, kind, prompt_sha256);
create unique index detections_repeating on public.detections (repeats, user_id);
-- For the purge alone; could it give an order too, lists would be read through it, past everybody else's.
create index detections_by_age on public.detections using brin (created_at);
create index detection_corrections_by_user on public.detection_corrections (user_id);

grant select on public.detections, public.detection_corrections to authenticated, service_role;

create policy "people see their detections, and a workspace's where they see its inventory" on public.detections
  for select to authenticated
  using (
    (user_id = (select auth.uid()) and workspace_id = any (array(select private.my_workspaces())))
    or workspace_id = any (array(select private.workspaces_permitting('inventory.read'))));
create policy "people see the corrections of the detections they see" on public.detection_corrections
  for select to authenticated
  using (detection_id = any (array(select id from public.detections)));

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values (
  'detect', 'detect', false, 10485760,
  '{image/jpeg,image/png,image/webp,image/gif,image/heic,image/heif,image/avif}');

create function private.detection_json(_detection public.detections, _cached boolean default false) returns jsonb
language sql stable
set search_path = ''
as $$
  select to_jsonb(_detection) - array['id', 'workspace_id', 'user_id', 'image_sha256', 'prompt_sha256', 'repeats']
    || jsonb_build_object('detection_id', _detection.id, 'cached', _cached)
$$;

create function private.find_detection(_caller uuid, _workspace uuid, _kind text, _image_sha256 text, _prompt_sha256 text)
returns uuid
language sql stable security definer
set search_path = ''
as $$
  select id from public.detections
  where workspace_id = _workspace and image_sha256 = _image_sha256 and kind = _kind and prompt_sha256 = _prompt_sha256
    and repeats is null
    and fallback_reason is null
    and created_at > now() - interval '1 day'
  order by user_id is not distinct from _caller desc, created_at desc
  limit 1
$$;
comment on function private.find_detection is
  'Today''s answer to the same question. One given while a provider was away is not given again: the next may be better.';

create function public.find_detection(caller uuid, workspace_id uuid, kind text, image_sha256 text, prompt_sha256 text)
returns uuid
language sql
set search_path = ''
as $$
  select private.find_detection(caller, workspace_id, kind, image_sha256, prompt_sha256)
$$;

create function private.keep_detection(_caller uuid, _workspace uuid, _detection jsonb) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  made public.detections;
begin
  insert into public.detections (
    workspace_id, user_id, kind, image_sha256, prompt_sha256, items, text, confidence, provider, model,
    cost_micro_usd, fallback_reason, processing_time_ms)
  select _workspace, _caller, d.kind, d.image_sha256, d.prompt_sha256, d.items, d.text, d.confidence, d.provider, d.model,
    d.cost_micro_usd, d.fallback_reason, d.processing_time_ms
  from jsonb_populate_record(null::public.detections, _detection) as d
  returning * into made;
  perform private.audit(_workspace, _caller, 'detection.created', made.id::text,
    jsonb_build_object('kind', made.kind, 'provider', made.provider, 'items', jsonb_array_length(made.items)));
  return private.detection_json(made);
end
$$;

create function private.repeat_detection(_caller uuid, _workspace uuid, _detection uuid) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  repeated public.detections;
  original public.detections;
begin
  select * into repeated from public.detections
  where _detection in (id, repeats) and user_id = _caller and workspace_id = _workspace
  order by id = _detection desc limit 1;
  if found then
    return private.detection_json(repeated, true);
  end if;
  -- Somebody else's answer: a detection belongs to the person who asked.
  select * into original from public.detections where id = _detection and workspace_id = _workspace;
  repeated := jsonb_populate_record(original, jsonb_build_object(
    'id', gen_random_uuid(), 'user_id', _caller, 'repeats', original.id, 'created_at', now()));
  insert into public.detections select repeated.* on conflict (repeats, user_id) do nothing;
  if not found then  -- another request of the same person was faster
    return private.repeat_detection(_caller, _workspace, _detection);
  end if;
  perform private.audit(_workspace, _caller, 'detection.repeated', repeated.id::text, jsonb_build_object('repeats', original.id));
  return private.detection_json(repeated, true);
end
$$;

create function private.record_detection(_caller uuid, _workspace uuid, _outcome jsonb) returns jsonb
language sql
set search_path = ''
as $$
  select case
    when _outcome ? 'detection' then jsonb_build_object(
      'status', 201, 'detection', private.keep_detection(_caller, _workspace, _outcome -> 'detection'))
    when _outcome ? 'repeats' then jsonb_build_object(
      'status', 200, 'detection', private.repeat_detection(_caller, _workspace, (_outcome ->> 'repeats')::uuid))
    else _outcome end
$$;

create function private.record_detections(_caller uuid, _workspace uuid, _outcomes jsonb, _batch boolean) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  -- Once more: the engines took their time, and the person may have been removed meanwhile.
  refusal jsonb := private.refusal(_workspace, 'detect.use', _caller);
  recorded jsonb;
begin
  if refusal is not null then
    return refusal;
  end if;
  recorded := (
    select jsonb_agg(private.record_detection(_caller, _workspace, o.outcome) order by o.position)
    from jsonb_array_elements(_outcomes) with ordinality as o(outcome, position));
  if _batch then
    return private.answer(jsonb_build_object('data', recorded));
  end if;
  return private.answer(recorded -> 0 -> 'detection', (recorded -> 0 ->> 'status')::integer);
end
$$;
comment on function private.record_detections is
  'Each outcome is {detection}, {repeats} (the id of an earlier answer) or {status, problem}. All in one transaction.';

create function public.record_detections(caller uuid, workspace_id uuid, outcomes jsonb, batch boolean) returns jsonb
language sql
set search_path = ''
as $$
  select private.record_detections(caller, workspace_id, outcomes, batch)
$$;
comment on function public.record_detections is
  'For service_role only: a person calling it would skip the limit.';

create function private.may_see_detection(_detection public.detections) returns boolean
language sql stable
set search_path = ''
as $$
  select coalesce(
    private.permission_scope(_detection.workspace_id, 'inventory.read') = 'all'
    or (_detection.user_id = auth.uid() and private.is_member(_detection.workspace_id)), false)
$$;
comment on function private.may_see_detection is 'What the policy on the table says, for one row.';

create function private.read_detection(_detection uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  found_detection public.detections;
begin
  select * into found_detection from public.detections where id = _detection;
  if not found or not private.may_see_detection(found_detection) then
    return private.not_found();
  end if;
  return private.answer(private.detection_json(found_detection) || jsonb_build_object('corrected_items', (
    select items from public.detection_corrections where detection_id = _detection)));
end
$$;

create function public.read_detection(detection_id uuid) returns jsonb
language sql
set search_path = ''
as $$
  select private.read_detection(detection_id)
$$;

create function private.list_detections(_workspace uuid, _after uuid, _limit integer) returns jsonb
language plpgsql security definer
set search_path = ''
-- Planned for who asks: a plan for everybody would read past all of a workspace to find what is one person's.
set plan_cache_mode = force_custom_plan
as $$
declare
  workspace uuid := coalesce(_workspace, private.default_workspace());
  everybodys boolean := coalesce(private.permission_scope(workspace, 'inventory.read') = 'all', false);
  last public.detections;
begin
  if not coalesce(private.is_member(workspace), false) then
    perform private.audit_denial(private.platform(), auth.uid(), workspace::text, '{}');
    return private.not_found();
  end if;
  select * into last from public.detections
  where id = _after and workspace_id = workspace and (everybodys or user_id = auth.uid());
  return private.answer((
    select coalesce(jsonb_agg(private.detection_json(page) order by page.created_at desc, page.id desc), '[]')
    from (
      select * from public.detections as d
      where d.workspace_id = workspace
        and (everybodys or d.user_id = auth.uid())
        and (_after is null or (d.created_at, d.id) < (last.created_at, last.id))
      order by d.created_at desc, d.id desc limit least(_limit, 101)
    ) as page));
end
$$;
comment on function private.list_detections is
  'Newest first. All of the workspace for those who see its inventory, else one''s own.';

create function public.list_detections(workspace_id uuid default null, after uuid default null, page_size integer default 51)
returns jsonb
language sql
set search_path = ''
as $$
  select private.list_detections(workspace_id, after, page_size)
$$;

create function private.units_by_name(_items jsonb) returns table (name text, units bigint)
language sql immutable
set search_path = ''
as $$
  select lower(btrim(regexp_replace(i.name, '\s+', ' ', 'g'))), sum(i.quantity)
  from jsonb_to_recordset(_items) as i(name text, quantity integer)
  group by 1
$$;

create function private.is_line(_text jsonb) returns boolean
language sql immutable
set search_path = ''
as $$
  select jsonb_typeof(_text) = 'string' and char_length(_text #>> '{}') <= 200
    and _text #>> '{}' !~ '[\u0001-\u0008\u000b-\u001f\u007f-\u009f]'
$$;

create function private.is_corrected_item(_item jsonb) returns boolean
language sql immutable
set search_path = ''
as $$
  select case when jsonb_typeof(_item) = 'object' then
    _item - array['name', 'quantity', 'type', 'tags'] = '{}'
    and private.is_line(_item -> 'name')
    and _item ->> 'name' ~ '[^\u0009\u000a\u0020\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]'
    and jsonb_typeof(_item -> 'quantity') = 'number' and _item ->> 'quantity' ~ '^([1-9][0-9]{0,5}|1000000)$'
    and (coalesce(jsonb_typeof(_item -> 'type'), 'null') = 'null' or private.is_line(_item -> 'type'))
    and case coalesce(jsonb_typeof(_item -> 'tags'), 'missing')
      when 'missing' then true
      when 'array' then jsonb_array_length(_item -> 'tags') <= 100 and not exists (
        select from jsonb_array_elements(_item -> 'tags') as t(tag) where private.is_line(t.tag) is not true)
      end
    end
$$;
comment on function private.is_corrected_item is
  'What our functions check first, for people who call the procedure themselves: whoever reads it relies on its shape.';

create function private.correct_detection(_detection uuid, _items jsonb) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  corrected public.detections;
  made public.detection_corrections;
  refusal jsonb;
begin
  select * into corrected from public.detections where id = _detection;
  if not found or not private.may_see_detection(corrected) then
    return private.not_found();
  end if;
  refusal := private.refusal(corrected.workspace_id, 'detect.use');
  if refusal is not null then
    return refusal;
  end if;
  if jsonb_typeof(_items) is distinct from 'array' or octet_length(_items::text) > 200000
      or jsonb_array_length(_items) > 200 or exists (
        select from jsonb_array_elements(_items) as i(item) where private.is_corrected_item(i.item) is not true) then
    return private.refuse(422, 'invalid_items', 'Up to 200 items, each with a name and a quantity from 1 to 1000000.');
  end if;

  insert into public.detection_corrections as c (detection_id, user_id, items, detected, present, correct)
  select _detection, auth.uid(), _items,
    coalesce(sum(d.units), 0), coalesce(sum(t.units), 0), coalesce(sum(least(d.units, t.units)) filter (where d.name = t.name), 0)
  from private.units_by_name(corrected.items) as d
  full join private.units_by_name(_items) as t on t.name = d.name
  on conflict (detection_id) do update set
    user_id = excluded.user_id, items = excluded.items, detected = excluded.detected, present = excluded.present,
    correct = excluded.correct, created_at = now()
  returning * into made;
  perform private.audit(corrected.workspace_id, auth.uid(), 'detection.corrected', _detection::text,
    jsonb_build_object('detected', made.detected, 'present', made.present, 'correct', made.correct));
  return private.answer(to_jsonb(made) - 'user_id', 201);
end
$$;
comment on function private.correct_detection is
  'For whoever sees the detection and may detect. An item counts as found where its name is the same, but for case and spaces.';

create function public.correct_detection(detection_id uuid, items jsonb) returns jsonb
language sql
set search_path = ''
as $$
  select private.correct_detection(detection_id, items)
$$;

create function private.accuracy_json(_corrected bigint, _detected bigint, _present bigint, _correct bigint) returns jsonb
language sql immutable
set search_path = ''
as $$
  select jsonb_build_object(
    'corrected', _corrected, 'detected', coalesce(_detected, 0), 'present', coalesce(_present, 0), 'correct', coalesce(_correct, 0),
    'precision', round(_correct::numeric / nullif(_detected, 0), 4),
    'recall', round(_correct::numeric / nullif(_present, 0), 4))
$$;

create function private.detection_accuracy(_workspace uuid) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  workspace uuid := coalesce(_workspace, private.default_workspace());
  refusal jsonb := private.refusal(workspace, 'reports.read');
begin
  if refusal is not null then
    return refusal;
  end if;
  return private.answer((
    with corrected as (
      select d.kind, d.provider, c.*
      from public.detection_corrections as c join public.detections as d on d.id = c.detection_id
      where d.workspace_id = workspace
    ), parts as (
      select kind, provider, private.accuracy_json(count(*), sum(detected), sum(present), sum(correct)) as figures
      from corrected group by kind, provider
    )
    select jsonb_build_object(
      'data', (select coalesce(jsonb_agg(
          jsonb_build_object('kind', kind, 'provider', provider) || figures order by kind, provider), '[]') from parts),
      'total', (select private.accuracy_json(count(*), sum(detected), sum(present), sum(correct)) from corrected))));
end
$$;

create function public.detection_accuracy(workspace_id uuid default null) returns jsonb
language sql
set search_path = ''
as $$
  select private.detection_accuracy(workspace_id)
$$;

revoke execute on function
  private.detection_json, private.find_detection, public.find_detection, private.keep_detection, private.repeat_detection,
  private.record_detection, private.record_detections, public.record_detections, private.may_see_detection,
  private.read_detection, public.read_detection, private.list_detections, public.list_detections, private.units_by_name,
  private.is_line, private.is_corrected_item, private.correct_detection, public.correct_detection, private.accuracy_json, private.detection_accuracy, public.detection_accuracy
from public, anon, authenticated;
grant execute on function
  private.find_detection, public.find_detection, private.record_detections, public.record_detections
to service_role;
grant execute on function
  private.read_detection, public.read_detection, private.list_detections, public.list_detections,
  private.correct_detection, public.correct_detection, private.detection_accuracy, public.detection_accuracy
to authenticated;
