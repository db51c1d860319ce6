-- Taxes: which rate a country takes from when, which of EN 16931's categories a sale falls into, and amounts by its rules.
set lock_timeout = '5s';
set statement_timeout = '60s';

create table private.tax_countries (
  country char(2) primary key check (country ~ '^[A-Z]{2}$'),
  currency char(3) not null check (currency ~ '^[A-Z]{3}$'),
  in_eu boolean not null default false
);
comment on table private.tax_countries is 'Where sellers are whose tax we can compute. Invoices from elsewhere are outside its scope.';
comment on column private.tax_countries.currency is 'The tax is told in it too, where an invoice is in another one (Directive 2006/112/EC, article 230).';

create table private.tax_rates (
  country char(2) not null references private.tax_countries,
  category text not null check (category in ('standard', 'reduced', 'second_reduced', 'super_reduced', 'zero')),
  valid_from date not null,
  rate numeric(5, 2) not null check (rate >= 0 and rate < 100 and (rate = 0) = (category = 'zero')),
  primary key (country, category, valid_from)
);
comment on table private.tax_rates is
  'The rate that a country takes from that day on. Which goods have which rate is the seller''s to know.';

alter table private.tax_countries enable row level security;
alter table private.tax_rates enable row level security;

insert into private.tax_countries (country, currency, in_eu) values
  ('AT', 'EUR', true), ('BE', 'EUR', true), ('BG', 'EUR', true), ('CY', 'EUR', true), ('CZ', 'CZK', true),
  ('DE', 'EUR', true), ('DK', 'DKK', true), ('EE', 'EUR', true), ('ES', 'EUR', true), ('FI', 'EUR', true),
  ('FR', 'EUR', true), ('GR', 'EUR', true), ('HR', 'EUR', true), ('HU', 'HUF', true), ('IE', 'EUR', true),
  ('IT', 'EUR', true), ('LT', 'EUR', true), ('LU', 'EUR', true), ('LV', 'EUR', true), ('MT', 'EUR', true),
  ('NL', 'EUR', true), ('PL', 'PLN', true), ('PT', 'EUR', true), ('RO', 'RON', true), ('SE', 'SEK', true),
  ('SI', 'EUR', true), ('SK', 'EUR', true), ('AE', 'AED', false), ('AU', 'AUD', false), ('BD', 'BDT', false),
  ('CH', 'CHF', false), ('GB', 'GBP', false), ('JP', 'JPY', false), ('KR', 'KRW', false), ('NG', 'NGN', false),
  ('NO', 'NOK', false), ('NZ', 'NZD', false), ('SA', 'SAR', false), ('SG', 'SGD', false), ('TH', 'THB', false),
  ('ZA', 'ZAR', false);

-- As the national tax authorities publish them; read in November 2026.
insert into private.tax_rates (country, category, valid_from, rate)
select r.country, r.category, r.valid_from, r.rate
from (values
  ('AT', 'standard', '2020-01-01'::date, 20), ('AT', 'reduced', '2020-01-01', 10), ('AT', 'second_reduced', '2020-01-01', 13),
  ('BE', 'standard', '2020-01-01', 21), ('BE', 'reduced', '2020-01-01', 6), ('BE', 'second_reduced', '2020-01-01', 12),
  ('BG', 'standard', '2020-01-01', 20), ('BG', 'reduced', '2020-01-01', 9),
  ('CY', 'standard', '2020-01-01', 19), ('CY', 'reduced', '2020-01-01', 5), ('CY', 'second_reduced', '2020-01-01', 9),
  ('CZ', 'standard', '2020-01-01', 21), ('CZ', 'reduced', '2020-01-01', 15), ('CZ', 'reduced', '2024-01-01', 12),
  ('DE', 'standard', '2020-01-01', 19), ('DE', 'standard', '2020-07-01', 16), ('DE', 'standard', '2021-01-01', 19),
  ('DE', 'reduced', '2020-01-01', 7), ('DE', 'reduced', '2020-07-01', 5), ('DE', 'reduced', '2021-01-01', 7),
  ('DK', 'standard', '2020-01-01', 25),
  ('EE', 'standard', '2020-01-01', 20), ('EE', 'standard', '2024-01-01', 22), ('EE', 'standard', '2025-07-01', 24),
  ('EE', 'reduced', '2020-01-01', 9),
  ('ES', 'standard', '2020-01-01', 21), ('ES', 'reduced', '2020-01-01', 10), ('ES', 'super_reduced', '2020-01-01', 4),
  ('FI', 'standard', '2020-01-01', 24), ('FI', 'standard', '2024-09-01', 25.5), ('FI', 'reduced', '2020-01-01', 14),
  ('FI', 'reduced', '2026-01-01', 13.5), ('FI', 'second_reduced', '2020-01-01', 10),
  ('FR', 'standard', '2020-01-01', 20), ('FR', 'reduced', '2020-01-01', 5.5), ('FR', 'second_reduced', '2020-01-01', 10),
  ('FR', 'super_reduced', '2020-01-01', 2.1),
  ('GR', 'standard', '2020-01-01', 24), ('GR', 'reduced', '2020-01-01', 13), ('GR', 'second_reduced', '2020-01-01', 6),
  ('HR', 'standard', '2020-01-01', 25), ('HR', 'reduced', '2020-01-01', 13), ('HR', 'second_reduced', '2020-01-01', 5),
  ('HU', 'standard', '2020-01-01', 27), ('HU', 'reduced', '2020-01-01', 18), ('HU', 'second_reduced', '2020-01-01', 5),
  ('IE', 'standard', '2021-03-01', 23), ('IE', 'reduced', '2020-01-01', 13.5), ('IE', 'second_reduced', '2020-01-01', 9),
  ('IE', 'super_reduced', '2020-01-01', 4.8),
  ('IT', 'standard', '2020-01-01', 22), ('IT', 'reduced', '2020-01-01', 10), ('IT', 'second_reduced', '2020-01-01', 5),
  ('IT', 'super_reduced', '2020-01-01', 4),
  ('LT', 'standard', '2020-01-01', 21), ('LT', 'reduced', '2020-01-01', 9), ('LT', 'reduced', '2026-01-01', 12),
  ('LT', 'second_reduced', '2020-01-01', 5),
  ('LU', 'standard', '2020-01-01', 17), ('LU', 'standard', '2023-01-01', 16), ('LU', 'standard', '2024-01-01', 17),
  ('LU', 'reduced', '2020-01-01', 8), ('LU', 'reduced', '2023-01-01', 7), ('LU', 'reduced', '2024-01-01', 8),
  ('LU', 'super_reduced', '2020-01-01', 3),
  ('LV', 'standard', '2020-01-01', 21), ('LV', 'reduced', '2020-01-01', 12), ('LV', 'second_reduced', '2020-01-01', 5),
  ('MT', 'standard', '2020-01-01', 18), ('MT', 'reduced', '2020-01-01', 7), ('MT', 'second_reduced', '2020-01-01', 5),
  ('NL', 'standard', '2020-01-01', 21), ('NL', 'reduced', '2020-01-01', 9),
  ('PL', 'standard', '2020-01-01', 23), ('PL', 'reduced', '2020-01-01', 8), ('PL', 'second_reduced', '2020-01-01', 5),
  ('PT', 'standard', '2020-01-01', 23), ('PT', 'reduced', '2020-01-01', 6), ('PT', 'second_reduced', '2020-01-01', 13),
  ('RO', 'standard', '2020-01-01', 19), ('RO', 'standard', '2025-08-01', 21), ('RO', 'reduced', '2020-01-01', 9),
  ('RO', 'reduced', '2025-08-01', 11), ('RO', 'second_reduced', '2020-01-01', 5), ('RO', 'second_reduced', '2025-08-01', 11),
  ('SE', 'standard', '2020-01-01', 25), ('SE', 'reduced', '2020-01-01', 12), ('SE', 'second_reduced', '2020-01-01', 6),
  ('SI', 'standard', '2020-01-01', 22), ('SI', 'reduced', '2020-01-01', 9.5), ('SI', 'second_reduced', '2020-01-01', 5),
  ('SK', 'standard', '2020-01-01', 20), ('SK', 'standard', '2025-01-01', 23), ('SK', 'reduced', '2020-01-01', 10),
  ('SK', 'reduced', '2025-01-01', 19), ('SK', 'second_reduced', '2025-01-01', 5),
  ('AE', 'standard', '2018-01-01', 5), ('AU', 'standard', '2020-01-01', 10), ('BD', 'standard', '2020-01-01', 15),
  ('CH', 'standard', '2020-01-01', 7.7), ('CH', 'standard', '2024-01-01', 8.1), ('CH', 'reduced', '2020-01-01', 2.5),
  ('CH', 'reduced', '2024-01-01', 2.6), ('CH', 'second_reduced', '2020-01-01', 3.7), ('CH', 'second_reduced', '2024-01-01', 3.8),
  ('GB', 'standard', '2020-01-01', 20), ('GB', 'reduced', '2020-01-01', 5),
  ('JP', 'standard', '2019-10-01', 10), ('JP', 'reduced', '2019-10-01', 8), ('KR', 'standard', '2020-01-01', 10),
  ('NG', 'standard', '2020-02-01', 7.5), ('NO', 'standard', '2020-01-01', 25), ('NO', 'reduced', '2020-01-01', 15),
  ('NO', 'second_reduced', '2020-01-01', 12), ('NZ', 'standard', '2020-01-01', 15), ('SA', 'standard', '2020-07-01', 15),
  ('SG', 'standard', '2020-01-01', 7), ('SG', 'standard', '2023-01-01', 8), ('SG', 'standard', '2024-01-01', 9),
  ('TH', 'standard', '2020-01-01', 7), ('ZA', 'standard', '2020-01-01', 15)
) as r(country, category, valid_from, rate)
union all
select country, 'zero', '2020-01-01', 0 from private.tax_countries;

create function private.tax_rate(_country text, _category text, _on date) returns numeric
language sql stable
set search_path = ''
as $$
  select rate from private.tax_rates
  where country = _country and category = _category and valid_from <= _on
  order by valid_from desc limit 1
$$;

create function private.currency_decimals(_currency text) returns integer
language sql immutable
set search_path = ''
as $$
  select case
    when _currency = any ('{BIF,CLP,DJF,GNF,ISK,JPY,KMF,KRW,PYG,RWF,UGX,UYI,VND,VUV,XAF,XOF,XPF}') then 0
    when _currency = any ('{BHD,IQD,JOD,KWD,LYD,OMR,TND}') then 3
    else 2 end
$$;
comment on function private.currency_decimals is 'ISO 4217, as shared/money.py has it.';

create function private.tax_step(_currency text) returns bigint
language sql immutable
set search_path = ''
as $$
  select case when private.currency_decimals(_currency) = 3 then 10 else 1 end
$$;
comment on function private.tax_step is
  'In which steps of minor units tax is counted: EN 16931 knows two decimals at the most (BR-DEC-*).';

-- Which category ------------------------------------------------------------------------------------------------------

create function private.sale_category(_seller jsonb, _buyer jsonb, out category text, out reason_code text)
language plpgsql stable
set search_path = ''
as $$
declare
  home private.tax_countries;
  away private.tax_countries;
begin
  select * into home from private.tax_countries where country = _seller ->> 'country';
  select * into away from private.tax_countries where country = _buyer ->> 'country';
  category := case
    when home.country is null then 'O'
    when _seller ->> 'exempt_reason' is not null then 'E'
    when home.country = _buyer ->> 'country' then 'S'
    when home.in_eu and away.in_eu then case
      -- Who has no VAT id is a consumer: taxed at home, below the threshold of the one-stop shop.
      when _buyer ->> 'vat_id' is null then 'S'
      when _seller ->> 'supplies' = 'services' then 'AE' else 'K' end
    when _seller ->> 'supplies' = 'services' then 'O'
    -- Elsewhere an export has the rate zero; G is the Union's, and wants a VAT id (BR-G-02).
    when home.in_eu then 'G' else 'Z' end;
  reason_code := case category when 'O' then case when home.in_eu then 'VATEX-EU-O' end
    when 'AE' then 'VATEX-EU-AE' when 'K' then 'VATEX-EU-IC' when 'G' then 'VATEX-EU-G' end;
end
$$;
comment on function private.sale_category is
  'EN 16931''s category of a sale: S at home (with each line''s own rate), K for goods and AE for services to a business '
  'elsewhere in the EU, G for goods out of it, Z for those out of another country, O where the seller''s country takes no tax on it, E for a seller '
  'who is exempt. Directive 2006/112/EC, articles 44, 138, 146, 196, 282.';

-- Amounts -------------------------------------------------------------------------------------------------------------

create function private.tax_of(_net bigint, _rate numeric, _step bigint) returns bigint
language sql immutable
set search_path = ''
as $$
  select round(_net * _rate / 100 / _step)::bigint * _step
$$;
comment on function private.tax_of is 'EN 16931, BR-CO-17: rounded, a half away from zero.';

create function private.net_of(_gross bigint, _rate numeric, _step bigint) returns bigint
language sql immutable
set search_path = ''
as $$
  select n.net
  from (select round(_gross / (1 + _rate / 100) / _step)::bigint * _step as around) as a
  cross join lateral (values (0, a.around), (1, a.around - _step), (2, a.around + _step)) as n(place, net)
  order by abs(n.net + private.tax_of(n.net, _rate, _step) - _gross), n.place limit 1
$$;
comment on function private.net_of is
  'The net that comes nearest with its tax to a price that includes it. Not each price can be met: what is missing, less '
  'than a step, is the invoice''s rounding amount (BT-114).';

create function private.net_within(_gross bigint, _rate numeric, _step bigint, _most_net bigint, _most_tax bigint)
returns bigint
language plpgsql immutable
set search_path = ''
as $$
declare
  net bigint := least(private.net_of(abs(_gross), _rate, _step), abs(_most_net));
begin
  while private.tax_of(net, _rate, _step) > abs(_most_tax) and net > 0 loop
    net := net - _step;
  end loop;
  return sign(_gross)::bigint * net;
end
$$;
comment on function private.net_within is
  'As private.net_of, and neither the net nor its tax more than is left. Rounded one by one, credits would come to more tax '
  'than was invoiced.';

create function private.with_taxes(_lines jsonb, _currency text, _left jsonb default null) returns jsonb
language plpgsql immutable
set search_path = ''
as $$
declare
  step constant bigint := private.tax_step(_currency);
  taxed jsonb;
  groups jsonb;
begin
  with line as (
    select l.position, l.line, l.line ->> 'category' as category, (l.line ->> 'rate')::numeric as rate,
      (l.line ->> 'gross_minor')::bigint as gross, (l.line ->> 'net_minor')::bigint as fixed,
      round((l.line ->> 'gross_minor')::numeric / (1 + (l.line ->> 'rate')::numeric / 100) / step)::bigint * step as near,
      (l.line ->> 'gross_minor')::numeric / (1 + (l.line ->> 'rate')::numeric / 100) as exact, m.most_net, m.most_tax
    from jsonb_array_elements(_lines) with ordinality as l(line, position)
    left join jsonb_to_recordset(_left) as m(category text, rate numeric, most_net bigint, most_tax bigint)
      on m.category = l.line ->> 'category' and m.rate = (l.line ->> 'rate')::numeric
  ),
  grouped as (
    select category, rate, sum(gross)::bigint as gross, min(position) as first,
      -- Where nothing is left to place, as after a change of rates, what was invoiced is the net.
      case when bool_and(fixed is not null) then sum(fixed)::bigint
        else private.net_within(sum(gross)::bigint, rate, step, min(most_net), min(most_tax)) end as net,
      coalesce(sum(fixed), 0)::bigint as fixed, coalesce(sum(near) filter (where fixed is null), 0)::bigint as near
    from line group by category, rate
  ),
  placed as (
    -- The lines' nets add up to their group's: what rounding left over goes, a step each, to those it took most from.
    select line.*, (grouped.net - grouped.fixed - grouped.near) / step as rest,
      row_number() over (
        partition by line.category, line.rate, line.fixed is null
        order by (line.exact - line.near) * sign(grouped.net - grouped.fixed - grouped.near) desc, line.position) as turn,
      count(*) over (partition by line.category, line.rate, line.fixed is null) as turns
    from line join grouped using (category, rate)
  )
  select
    (select jsonb_agg(line || jsonb_build_object(
        'position', position, 'net_minor', coalesce(fixed, near + sign(rest)::bigint * step * (
          abs(rest) / turns + case when turn <= abs(rest) % turns then 1 else 0 end))) order by position)
      from placed),
    (select jsonb_agg(jsonb_build_object(
        'category', category, 'rate', rate, 'gross_minor', gross, 'net_minor', net,
        'tax_minor', private.tax_of(net, rate, step)) order by first)
      from grouped)
  into taxed, groups;
  return jsonb_build_object('lines', taxed, 'taxes', groups) || (
    select jsonb_build_object(
      'net_minor', sum(net), 'tax_minor', sum(tax), 'total_minor', sum(net + tax),
      'rounding_minor', sum(gross - net - tax), 'payable_minor', sum(gross))
    from jsonb_to_recordset(groups) as g (gross_minor bigint, net_minor bigint, tax_minor bigint)
    cross join lateral (select g.gross_minor as gross, g.net_minor as net, g.tax_minor as tax) as of_group);
end
$$;
comment on function private.with_taxes is
  'Lines of {category, rate, gross_minor (tax included), net_minor (what was invoiced before: stays as it is), …} with '
  'their nets, the groups'' taxes and the totals by EN 16931: tax by group (BR-CO-17), net the sum of the lines (BR-CO-10, '
  'BR-CO-13), total with tax (BR-CO-15), payable with rounding (BR-CO-16). Payable is the sum of the prices to the unit. '
  '_left: [{category, rate, most_net, most_tax}], what the groups may come to.';

revoke execute on function
  private.tax_rate, private.currency_decimals, private.tax_step, private.sale_category, private.tax_of, private.net_of,
  private.net_within, private.with_taxes
from public, anon, authenticated;
