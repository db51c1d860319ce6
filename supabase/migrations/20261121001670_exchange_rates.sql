-- Exchange rates: dated, what one US dollar is worth. The last good ones count, however old; whoever uses them says so.
set lock_timeout = '5s';
set statement_timeout = '60s';

create table private.exchange_rates (
  currency char(3) not null check (currency ~ '^[A-Z]{3}$'),
  as_of date not null,
  rate numeric not null check (rate > 0 and scale(rate) <= 10),
  source text not null check (char_length(source) between 1 and 200),
  fetched_at timestamptz not null default now(),
  primary key (currency, as_of)
);
comment on table private.exchange_rates is 'What one US dollar is worth in a currency on a day.';
comment on column private.exchange_rates.source is 'Who says so.';
alter table private.exchange_rates enable row level security;

insert into private.retention (relation, row_age, keep, reason) values
  ('private.exchange_rates', 'as_of::timestamptz', '3650 days', 'quotes hold the rate they used; this is where it came from');

-- So that quotes can be made before the first rates are fetched.
insert into private.exchange_rates (currency, as_of, rate, source) values
  ('EUR', '2026-11-20', 0.8640, 'built in'), ('GBP', '2026-11-20', 0.7610, 'built in'),
  ('CAD', '2026-11-20', 1.3990, 'built in'), ('AUD', '2026-11-20', 1.5320, 'built in'),
  ('BDT', '2026-11-20', 122.30, 'built in');

create function private.per_dollar(_currency text) returns private.exchange_rates
language sql stable
set search_path = ''
as $$
  select r.* from (
    select * from private.exchange_rates where currency = _currency and as_of <= current_date + 1
    union all
    select 'USD', current_date, 1, 'itself', now() where _currency = 'USD') as r
  order by r.as_of desc limit 1
$$;
comment on function private.per_dollar is
  'The newest that is said. East of here it is tomorrow already; a later day is a source''s error, and would stay newest.';

create function private.exchange_rate(_from text, _to text) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'from_currency', _from, 'to_currency', _to, 'as_of', least(f.as_of, t.as_of),
    -- Six digits, rounded once; exact where the card is in dollars.
    'rate', trim_scale(case when _from = _to then 1 when _from = 'USD' then t.rate else round(t.rate / f.rate, 6) end)::text,
    'age_days', case when _from = _to then 0 else greatest(current_date - least(f.as_of, t.as_of), 0) end)
  from private.per_dollar(_from) as f, private.per_dollar(_to) as t
  where f.rate is not null and t.rate is not null
$$;
comment on function private.exchange_rate is 'What one unit of a currency is worth in another; null where one isn''t known.';

create function private.record_exchange_rates(_as_of date, _rates jsonb, _source text) returns integer
language plpgsql security definer
set search_path = ''
as $$
declare
  recorded integer;
begin
  insert into private.exchange_rates (currency, as_of, rate, source)
  select key, _as_of, round(value::text::numeric, 10), _source
  from jsonb_each(_rates)
  where key ~ '^[A-Z]{3}$' and key <> 'USD' and jsonb_typeof(value) = 'number' and value::text::numeric > 0
  on conflict (currency, as_of) do nothing;  -- a quote may have used it: what was said of a day stays
  get diagnostics recorded = row_count;
  return recorded;
end
$$;

create function public.record_exchange_rates(as_of date, rates jsonb, source text) returns integer
language sql
set search_path = ''
as $$
  select private.record_exchange_rates(as_of, rates, source)
$$;

revoke execute on function
  private.per_dollar, private.exchange_rate, private.record_exchange_rates, public.record_exchange_rates
from public, anon, authenticated;
grant execute on function private.record_exchange_rates, public.record_exchange_rates to service_role;
