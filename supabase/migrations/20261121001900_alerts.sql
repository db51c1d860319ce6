-- Alerts: what is wrong with the platform now, told once until it clears.
set lock_timeout = '5s';
set statement_timeout = '60s';

create table private.alerts (
  id uuid primary key default gen_random_uuid(),
  condition text not null check (char_length(condition) <= 100),
  detail text not null check (char_length(detail) <= 500),
  raised_at timestamptz not null default clock_timestamp(),
  cleared_at timestamptz
);
comment on table private.alerts is 'What was wrong, from when to when. Uncleared ones were told and are not told again.';
comment on column private.alerts.detail is 'In our own words and codes, as it was when it was raised.';

alter table private.alerts enable row level security;
create unique index alerts_open on private.alerts (condition) where cleared_at is null;

insert into private.retention (relation, row_age, keep, reason) values
  ('private.alerts', 'cleared_at', '90 days', 'so that one can see since when something goes wrong again and again');

create function private.conditions() returns table (condition text, detail text)
language sql stable
set search_path = ''
as $$
  select 'outbox.' || o.topic, format(
    'Messages of the topic %s were given up: %s within a day, the last one for %s.',
    o.topic, count(*), coalesce((array_agg(o.error order by o.ended_at desc))[1], 'no reason known'))
  from private.outbox as o
  where o.state = 'dead' and o.ended_at > now() - interval '24 hours'
  group by o.topic
  union all
  select 'job.' || j.name, case last.outcomes[1]
    when 'failed' then format('The job %s failed: %s.', j.name, coalesce(last.errors[1], 'no reason known'))
    else format('The job %s was not ended twice in a row: its process died, or it took too long.', j.name) end
  from private.jobs as j
  cross join lateral (
    select array_agg(r.outcome order by r.started_at desc) as outcomes, array_agg(r.error order by r.started_at desc) as errors
    from (
      select outcome, error, started_at from private.job_runs
      where job = j.name and ended_at is not null
      order by started_at desc limit 2) as r) as last
  where last.outcomes[1] = 'failed' or last.outcomes = '{abandoned,abandoned}'
  union all
  -- Not closed: also while it waits for somebody to try, or it would clear and be raised again every half minute.
  select 'ai.' || b.provider, format('The AI provider %s fails, and is passed over.', b.provider)
  from private.ai_breakers as b
  where b.opened_until is not null
  union all
  select 'payment.' || f.kind, format(
    '%s payments are not as they should be (%s), the last one at Stripe as %s.',
    count(*), f.kind, (array_agg(f.stripe_id order by f.seen_at desc))[1])
  from private.payment_findings as f
  where f.seen_at > now() - interval '25 hours'
  group by f.kind
  union all
  select 'payment.dispute', format('%s payments are disputed; the next answer to the bank is due.', count(*))
  from private.disputes
  where status not in ('won', 'lost', 'warning_closed')
  having count(*) > 0
$$;
comment on function private.conditions is
  'What is wrong now: dead letters of the last day by topic, jobs whose last run failed or that were abandoned twice in a '
  'row, AI providers whose breaker is not closed, payments that were found wrong since the day before (they are looked at '
  'daily), and disputes that wait for an answer.';

create function private.announce(_alert private.alerts, _email text, _slack boolean) returns void
language plpgsql
set search_path = ''
as $$
declare
  subject text := 'Alert: ' || _alert.condition;
begin
  if _email <> '' then
    perform private.queue_email(
      _workspace => null, _template => 'plain', _recipient => _email,
      _data => jsonb_build_object('subject', subject, 'paragraphs', jsonb_build_array(
        _alert.detail, 'This is not told again until it has cleared.')));
  end if;
  if _slack then
    perform private.enqueue('slack', jsonb_build_object('text', subject || E'\n' || _alert.detail));
  end if;
end
$$;

create function private.watch(_email text, _slack boolean) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  alert private.alerts;
  cleared integer;
  raised integer := 0;
begin
  -- One at a time: a slower one would raise again what a faster one has just cleared.
  lock table private.alerts in share row exclusive mode;
  update private.alerts set cleared_at = clock_timestamp()
  where cleared_at is null and condition not in (select c.condition from private.conditions() as c);
  get diagnostics cleared = row_count;
  for alert in
    insert into private.alerts (condition, detail)
    select c.condition, c.detail from private.conditions() as c
    on conflict (condition) where cleared_at is null do nothing
    returning *
  loop
    perform private.announce(alert, _email, _slack);
    raised := raised + 1;
  end loop;
  return jsonb_build_object('raised', raised, 'cleared', cleared);
end
$$;
comment on function private.watch is
  'Raises what is newly wrong, clears what no longer is, and puts the messages down in the same transaction: by mail to '
  'the address, if one is given, and to Slack, if that is wanted.';

create function public.watch(email text, slack boolean) returns jsonb
language sql
set search_path = ''
as $$
  select private.watch(email, slack)
$$;

revoke execute on function private.conditions, private.announce, private.watch, public.watch from public, anon, authenticated;
grant execute on function private.watch, public.watch to service_role;
