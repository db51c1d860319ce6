-- Scheduled work: one run of a job at a time, whoever calls and however often; every run is recorded.
set lock_timeout = '5s';
set statement_timeout = '60s';

create table private.jobs (
  name text primary key check (name ~ '^[a-z][a-z-]{0,39}$')
);
comment on table private.jobs is 'Its rows are the locks that make runs exclusive.';

create table private.job_runs (
  id uuid primary key default gen_random_uuid(),
  job text not null references private.jobs,
  started_at timestamptz not null default clock_timestamp(),
  leased_until timestamptz not null,
  ended_at timestamptz,
  outcome text check (outcome in ('done', 'failed', 'abandoned')),
  counts jsonb not null default '{}',
  error text check (char_length(error) <= 100),
  check ((outcome is null) = (ended_at is null))
);
comment on table private.job_runs is 'Every run: when, how it ended, what it did.';
comment on column private.job_runs.leased_until is 'From then on an unended run belongs to a process that died; the next call takes over.';

alter table private.jobs enable row level security;
alter table private.job_runs enable row level security;
create unique index job_runs_under_way on private.job_runs (job) where ended_at is null;
create index job_runs_by_start on private.job_runs (started_at);
create index job_runs_by_job on private.job_runs (job, started_at);

insert into private.retention (relation, row_age, keep, reason) values
  ('private.job_runs', 'started_at', '90 days', 'so that one can see since when a job fails');

create function private.begin_job(_job text, _lease_seconds integer) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  running private.job_runs;
  made private.job_runs;
begin
  insert into private.jobs (name) values (_job) on conflict do nothing;
  perform from private.jobs where name = _job for update;
  select * into running from private.job_runs where job = _job and ended_at is null;
  if found and running.leased_until > clock_timestamp() then
    return null;
  elsif found then
    update private.job_runs set ended_at = clock_timestamp(), outcome = 'abandoned' where id = running.id;
  end if;
  insert into private.job_runs (job, leased_until)
  values (_job, clock_timestamp() + make_interval(secs => _lease_seconds))
  returning * into made;
  return jsonb_build_object('id', made.id, 'after_abandoned', running.id);
end
$$;
comment on function private.begin_job is 'A new run; null while another one is under way.';

create function private.end_job(_run uuid, _outcome text, _counts jsonb, _error text) returns boolean
language plpgsql security definer
set search_path = ''
as $$
begin
  update private.job_runs set ended_at = clock_timestamp(), outcome = _outcome, counts = _counts, error = left(_error, 100)
  where id = _run and ended_at is null;
  -- Asked again because the answer was lost, it says so again. Others end a run as abandoned only.
  return found or exists (select from private.job_runs where id = _run and outcome = _outcome);
end
$$;
comment on function private.end_job is 'False where the run lost its lease and another one was begun.';

create function private.list_job_runs(_after uuid, _limit integer) returns jsonb
language plpgsql stable security definer
set search_path = ''
as $$
begin
  if not private.session_stands() then
    return private.refuse(401, 'token_invalid', 'This needs a valid access token, as Authorization: Bearer <token>.');
  elsif not private.is_platform_admin() then
    return private.not_found();
  end if;
  return private.answer((
    select coalesce(jsonb_agg(to_jsonb(run)), '[]') from (
      select id, job, private.rfc3339(started_at) as started_at, private.rfc3339(ended_at) as ended_at,
        coalesce(outcome, 'running') as outcome, counts, error,
        round(extract(epoch from coalesce(ended_at, clock_timestamp()) - started_at) * 1000)::bigint as duration_ms
      from private.job_runs
      where _after is null
        or (job_runs.started_at, job_runs.id) < (select r.started_at, r.id from private.job_runs as r where r.id = _after)
      order by job_runs.started_at desc, id desc limit least(_limit, 101)) as run));
end
$$;

create function public.begin_job(job text, lease_seconds integer) returns jsonb
language sql
set search_path = ''
as $$
  select private.begin_job(job, lease_seconds)
$$;

create function public.end_job(run uuid, outcome text, counts jsonb, error text default null) returns boolean
language sql
set search_path = ''
as $$
  select private.end_job(run, outcome, counts, error)
$$;

create function public.list_job_runs(after uuid default null, page_size integer default 51) returns jsonb
language sql
set search_path = ''
as $$
  select private.list_job_runs(after, page_size)
$$;

revoke execute on function
  private.begin_job, private.end_job, private.list_job_runs, public.begin_job, public.end_job, public.list_job_runs
from public, anon, authenticated;
grant execute on function private.begin_job, private.end_job, public.begin_job, public.end_job to service_role;
grant execute on function private.list_job_runs, public.list_job_runs to authenticated;
