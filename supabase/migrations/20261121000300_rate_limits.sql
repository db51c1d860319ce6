-- Rate limits shared by every instance of every function: an exact sliding window.
set lock_timeout = '5s';
set statement_timeout = '60s';

create table private.rate_limits (
  name text not null,
  subject text not null,
  taken timestamptz[] not null default '{}' check (cardinality(taken) <= 1000),
  primary key (name, subject)
) with (fillfactor = 50);
comment on table private.rate_limits is
  'When each unit of the current window was taken. A log, not a counter: counters admit up to twice the limit across a boundary.';
comment on column private.rate_limits.subject is 'sha256 of what is limited (a user id, an address, an IP). Personal data still: an address can be guessed and compared.';

alter table private.rate_limits enable row level security;

create function private.locked_limit(_name text, _subject text) returns timestamptz[]
language plpgsql
set search_path = ''
as $$
declare
  found_taken timestamptz[];
begin
  loop
    select taken into found_taken from private.rate_limits where name = _name and subject = _subject for update;
    if found then
      return found_taken;
    end if;
    insert into private.rate_limits (name, subject) values (_name, _subject) on conflict do nothing;
  end loop;
end
$$;
comment on function private.locked_limit is 'The units taken, with the row locked; loops because a purge may delete it in between.';

create function private.take_limits(_wanted jsonb) returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  wanted record;
  taken timestamptz[];
  recent timestamptz[];
  at timestamptz;
  results jsonb := '[]';
  all_admitted boolean := true;
begin
  -- Sorted, so that two calls wanting the same limits lock them in one order.
  for wanted in
    select w.name, encode(sha256(convert_to(w.subject, 'UTF8')), 'hex') as subject, w.quota, w.window_seconds, w.units
    from jsonb_to_recordset(_wanted) as w(name text, subject text, quota integer, window_seconds integer, units integer)
    order by 1, 2
  loop
    -- Said by halves, a limit would admit everybody; and what is older than a day is purged.
    if not (wanted is not null) or wanted.window_seconds > 86400 then
      raise exception 'a limit needs name, subject, quota, units and a window of at most a day' using errcode = '22023';
    end if;
    taken := private.locked_limit(wanted.name, wanted.subject);
    at := clock_timestamp();  -- after the lock: the time of the decision, not of the transaction's start
    recent := array(
      select t from unnest(taken) as t where t > at - make_interval(secs => wanted.window_seconds) order by t);
    all_admitted := all_admitted and cardinality(recent) + greatest(wanted.units, 1) <= wanted.quota;
    results := results || jsonb_build_object(
      'name', wanted.name, 'subject', wanted.subject, 'units', wanted.units, 'recent', to_jsonb(recent),
      'quota', wanted.quota, 'window_seconds', wanted.window_seconds);
  end loop;

  if all_admitted then
    update private.rate_limits as l
    set taken = array(select jsonb_array_elements_text(r -> 'recent')::timestamptz)
      || array_fill(clock_timestamp(), array[(r ->> 'units')::integer])
    from jsonb_array_elements(results) as r
    where l.name = r ->> 'name' and l.subject = r ->> 'subject' and (r ->> 'units')::integer > 0;
  end if;

  return jsonb_build_object('admitted', all_admitted, 'limits', (
    select jsonb_agg(private.limit_state(r, all_admitted)) from jsonb_array_elements(results) as r));
end
$$;
comment on function private.take_limits is
  'Takes all of [{name, subject, quota, window_seconds, units}] or none. No window of the stated length ever '
  'holds more than its quota. units = 0 asks whether one would be admitted and takes none.';

create function private.limit_state(_result jsonb, _admitted boolean) returns jsonb
language sql stable
set search_path = ''
as $$
  with held as (
    select
      (_result ->> 'quota')::integer as quota,
      (_result ->> 'window_seconds')::integer as window_seconds,
      greatest((_result ->> 'units')::integer, 1) as units,
      jsonb_array_length(_result -> 'recent')
        + case when _admitted then (_result ->> 'units')::integer else 0 end as used
  ),
  -- What must expire before the same request would be admitted again; the oldest unit when it would be now.
  waits as (
    select held.*, (_result -> 'recent' ->> greatest(used + units - quota - 1, 0))::timestamptz as blocking from held
  )
  select jsonb_build_object(
    'name', _result ->> 'name',
    'quota', quota,
    'window_seconds', window_seconds,
    'remaining', greatest(quota - used, 0),
    'blocked', not _admitted and used + units > quota,
    'reset_seconds', case when units > quota then window_seconds else greatest(1, ceil(extract(epoch from
      coalesce(blocking, clock_timestamp()) + make_interval(secs => window_seconds) - clock_timestamp())))::integer end)
  from waits
$$;

revoke execute on function private.locked_limit, private.take_limits, private.limit_state from public, anon, authenticated;
