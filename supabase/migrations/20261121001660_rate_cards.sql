-- Rate cards: what a price is computed from. A card is never changed; a new version follows it.
set lock_timeout = '5s';
set statement_timeout = '60s';

insert into public.permissions (name, description) values ('rates.manage', 'Read and change the rate cards');
insert into public.role_permissions (role_id, permission)
select id, 'rates.manage' from public.roles where workspace_id is null and name in ('owner', 'admin', 'manager');

create table private.rate_cards (
  id uuid primary key default gen_random_uuid(),
  workspace_id uuid references public.workspaces on delete cascade,
  product text not null check (product ~ '^[a-z][a-z0-9_]{0,39}$'),
  version integer not null check (version > 0),
  content jsonb not null check (jsonb_typeof(content) = 'object' and octet_length(content::text) <= 65536),
  note text not null default '' check (char_length(note) <= 500),
  created_by uuid references auth.users on delete set null,
  created_at timestamptz not null default now(),
  unique nulls not distinct (workspace_id, product, version)
);
comment on table private.rate_cards is 'Versions of what each product costs. The newest of a workspace counts, else the newest built-in.';
comment on column private.rate_cards.workspace_id is 'Null for the built-in cards, which every workspace begins with.';
comment on column private.rate_cards.content is 'As functions/quote_generator/cards.py reads it; amounts and percentages as decimal text.';
alter table private.rate_cards enable row level security;
create index rate_cards_by_creator on private.rate_cards (created_by);

create function private.keep_rate_card() returns trigger
language plpgsql
set search_path = ''
as $$
begin
  -- Only who made it may be forgotten, with that person.
  if new.created_by is not null or to_jsonb(new) - 'created_by' is distinct from to_jsonb(old) - 'created_by' then
    raise exception 'a rate card is never changed: make a new version' using errcode = '23514';
  end if;
  return new;
end
$$;

create trigger rate_cards_stay before update on private.rate_cards for each row execute function private.keep_rate_card();

create function private.current_rate_card(_workspace uuid, _product text) returns private.rate_cards
language sql stable
set search_path = ''
as $$
  select * from private.rate_cards
  where product = _product and (workspace_id = _workspace or workspace_id is null)
  order by workspace_id is null, version desc limit 1
$$;

create function private.known_products(_workspace uuid) returns jsonb
language sql stable
set search_path = ''
as $$
  select coalesce(jsonb_agg(product order by product), '[]') from (
    select distinct product from private.rate_cards where workspace_id = _workspace or workspace_id is null) as known
$$;

create function private.rate_card_json(_card private.rate_cards) returns jsonb
language sql stable
set search_path = ''
as $$
  select jsonb_build_object(
    'id', _card.id, 'product_type', _card.product, 'version', _card.version, 'built_in', _card.workspace_id is null,
    'note', _card.note, 'content', _card.content, 'created_by', _card.created_by,
    'created_at', private.rfc3339(_card.created_at))
$$;

create function private.list_rate_cards(_workspace uuid, _product text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  workspace uuid := coalesce(_workspace, private.default_workspace());
  refusal jsonb := private.refusal(workspace, 'rates.manage');
begin
  if refusal is not null then
    return refusal;
  end if;
  return private.answer((
    select coalesce(jsonb_agg(private.rate_card_json(c) order by c.product, c.workspace_id is null, c.version desc), '[]')
    from private.rate_cards as c
    where (c.workspace_id = workspace or c.workspace_id is null)
      and case when _product is null then c.id = (private.current_rate_card(workspace, c.product)).id
        else c.product = _product end));
end
$$;
comment on function private.list_rate_cards is 'What counts now; of one product all versions.';

create function public.list_rate_cards(workspace_id uuid default null, product text default null) returns jsonb
language sql
set search_path = ''
as $$
  select private.list_rate_cards(workspace_id, product)
$$;

create function private.add_rate_card(_caller uuid, _workspace uuid, _product text, _content jsonb, _note text) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  made private.rate_cards;
  refusal jsonb := private.refusal(_workspace, 'rates.manage', _caller);
begin
  if refusal is not null then
    return refusal;
  end if;
  perform from public.workspaces where id = _workspace for update;  -- versions follow one another
  insert into private.rate_cards (workspace_id, product, version, content, note, created_by)
  select _workspace, _product, coalesce(max(version), 0) + 1, _content, _note, _caller
  from private.rate_cards where product = _product and (workspace_id = _workspace or workspace_id is null)
  returning * into made;
  perform private.audit(_workspace, _caller, 'rate_card.added', made.id::text,
    jsonb_build_object('product', _product, 'version', made.version));
  return private.answer(private.rate_card_json(made), 201);
end
$$;

create function public.add_rate_card(caller uuid, workspace_id uuid, product text, content jsonb, note text) returns jsonb
language sql
set search_path = ''
as $$
  select private.add_rate_card(caller, workspace_id, product, content, note)
$$;
comment on function public.add_rate_card is 'For our function alone, which knows what a card must be like.';

revoke execute on function
  private.keep_rate_card, private.current_rate_card, private.known_products, private.rate_card_json,
  private.list_rate_cards, public.list_rate_cards, private.add_rate_card, public.add_rate_card
from public, anon, authenticated;
grant execute on function private.list_rate_cards, public.list_rate_cards to authenticated;
grant execute on function private.add_rate_card, public.add_rate_card to service_role;

-- The built-in cards: what they have in common, and what is each one's own. Prices are of the right order for a run of
-- fifty and more; each workspace enters its own.
with common (content) as (
  values ($card${
    "currency": "USD",
    "complexity": {"simple": "0", "medium": "12", "complex": "28"},
    "tiers": [
      {"quantity": 100, "percent": "4"},
      {"quantity": 250, "percent": "9"},
      {"quantity": 500, "percent": "14"},
      {"quantity": 1000, "percent": "19"},
      {"quantity": 2500, "percent": "24"},
      {"quantity": 5000, "percent": "28"},
      {"quantity": 10000, "percent": "32"},
      {"quantity": 25000, "percent": "35"},
      {"quantity": 50000, "percent": "37"}
    ],
    "sizes": [
      {"size": "XS", "each": "0"}, {"size": "S", "each": "0"}, {"size": "M", "each": "0"}, {"size": "L", "each": "0"},
      {"size": "XL", "each": "0"}, {"size": "XXL", "each": "0.60"}, {"size": "3XL", "each": "1.20"}
    ],
    "decorations": {
      "screen_print": {"each": "0.35", "each_colour": "0.30", "setup": "20.00", "setup_colour": "28.00", "days": 3},
      "embroidery": {"each": "1.10", "each_colour": "0.15", "setup": "45.00", "setup_colour": "5.00", "days": 4},
      "label": {"each": "0.12", "each_colour": "0.02", "setup": "25.00", "setup_colour": "8.00", "days": 1},
      "packaging": {"each": "0.18", "each_colour": "0.04", "setup": "15.00", "setup_colour": "10.00", "days": 1}
    },
    "colour_setup": "60.00",
    "incoterms": {"EXW": "0", "FCA": "1", "FOB": "2", "CIF": "6", "DAP": "9", "DDP": "14"},
    "minimum": 50,
    "minimum_per_colour": 50,
    "deposit_percent": "30",
    "tolerance_percent": "3",
    "lead_time": {"complexity": {"simple": 0, "medium": 2, "complex": 5}, "quality": 2, "packing": 2}
  }$card$::jsonb)
),
own (product, content) as (
  values
    ('t_shirt', $card${
      "name": "T-shirt",
      "base": "5.20",
      "fabrics": [
        {"fabric": "cotton_180", "name": "Cotton, 180 g/m²", "percent": "0"},
        {"fabric": "cotton_220", "name": "Heavy cotton, 220 g/m²", "percent": "14"},
        {"fabric": "organic_cotton", "name": "Organic cotton, 180 g/m²", "percent": "22"},
        {"fabric": "polycotton", "name": "Cotton and polyester, 170 g/m²", "percent": "-8"},
        {"fabric": "tri_blend", "name": "Tri-blend, 150 g/m²", "percent": "18"}
      ],
      "lead_time": {"sampling": 5, "materials": 7, "pieces_per_day": 1000}
    }$card$::jsonb),
    ('polo', $card${
      "name": "Polo shirt",
      "base": "8.40",
      "fabrics": [
        {"fabric": "pique_200", "name": "Cotton piqué, 200 g/m²", "percent": "0"},
        {"fabric": "pique_240", "name": "Heavy cotton piqué, 240 g/m²", "percent": "12"},
        {"fabric": "organic_pique", "name": "Organic cotton piqué, 210 g/m²", "percent": "20"},
        {"fabric": "poly_pique", "name": "Polyester piqué, 180 g/m²", "percent": "-6"}
      ],
      "lead_time": {"sampling": 5, "materials": 7, "pieces_per_day": 800}
    }$card$::jsonb),
    ('hoodie', $card${
      "name": "Hoodie",
      "base": "15.80",
      "fabrics": [
        {"fabric": "fleece_280", "name": "Fleece, 280 g/m²", "percent": "0"},
        {"fabric": "fleece_350", "name": "Heavyweight fleece, 350 g/m²", "percent": "16"},
        {"fabric": "organic_fleece", "name": "Organic cotton fleece, 300 g/m²", "percent": "24"},
        {"fabric": "french_terry", "name": "French terry, 260 g/m²", "percent": "-5"}
      ],
      "sizes": [
        {"size": "XS", "each": "0"}, {"size": "S", "each": "0"}, {"size": "M", "each": "0"}, {"size": "L", "each": "0"},
        {"size": "XL", "each": "0"}, {"size": "XXL", "each": "1.40"}, {"size": "3XL", "each": "2.60"}
      ],
      "lead_time": {"sampling": 5, "materials": 9, "pieces_per_day": 500}
    }$card$::jsonb),
    ('joggers', $card${
      "name": "Joggers",
      "base": "13.20",
      "fabrics": [
        {"fabric": "fleece_280", "name": "Fleece, 280 g/m²", "percent": "0"},
        {"fabric": "fleece_350", "name": "Heavyweight fleece, 350 g/m²", "percent": "15"},
        {"fabric": "french_terry", "name": "French terry, 260 g/m²", "percent": "-5"},
        {"fabric": "organic_fleece", "name": "Organic cotton fleece, 300 g/m²", "percent": "22"}
      ],
      "sizes": [
        {"size": "XS", "each": "0"}, {"size": "S", "each": "0"}, {"size": "M", "each": "0"}, {"size": "L", "each": "0"},
        {"size": "XL", "each": "0"}, {"size": "XXL", "each": "1.10"}, {"size": "3XL", "each": "2.10"}
      ],
      "lead_time": {"sampling": 5, "materials": 9, "pieces_per_day": 500}
    }$card$::jsonb),
    ('activewear', $card${
      "name": "Activewear top",
      "base": "9.60",
      "fabrics": [
        {"fabric": "polyester_performance", "name": "Moisture-wicking polyester, 150 g/m²", "percent": "0"},
        {"fabric": "recycled_polyester", "name": "Recycled polyester, 150 g/m²", "percent": "11"},
        {"fabric": "nylon_elastane", "name": "Nylon and elastane, 220 g/m²", "percent": "26"}
      ],
      "minimum": 100,
      "lead_time": {"sampling": 5, "materials": 10, "pieces_per_day": 600}
    }$card$::jsonb),
    ('uniform', $card${
      "name": "Work uniform",
      "base": "18.50",
      "fabrics": [
        {"fabric": "twill_245", "name": "Polycotton twill, 245 g/m²", "percent": "0"},
        {"fabric": "canvas_300", "name": "Cotton canvas, 300 g/m²", "percent": "13"},
        {"fabric": "ripstop_220", "name": "Ripstop, 220 g/m²", "percent": "18"}
      ],
      "sizes": [
        {"size": "XS", "each": "0"}, {"size": "S", "each": "0"}, {"size": "M", "each": "0"}, {"size": "L", "each": "0"},
        {"size": "XL", "each": "0"}, {"size": "XXL", "each": "1.60"}, {"size": "3XL", "each": "2.80"}, {"size": "4XL", "each": "4.00"}
      ],
      "minimum": 100,
      "lead_time": {"sampling": 7, "materials": 12, "pieces_per_day": 350}
    }$card$::jsonb),
    ('knitwear', $card${
      "name": "Knitted jumper",
      "base": "21.00",
      "fabrics": [
        {"fabric": "cotton_knit", "name": "Cotton, 12 gauge", "percent": "0"},
        {"fabric": "wool_blend", "name": "Wool blend, 12 gauge", "percent": "24"},
        {"fabric": "merino", "name": "Merino wool, 14 gauge", "percent": "62"},
        {"fabric": "acrylic", "name": "Acrylic, 12 gauge", "percent": "-14"}
      ],
      "decorations": {
        "embroidery": {"each": "1.40", "each_colour": "0.20", "setup": "55.00", "setup_colour": "6.00", "days": 5},
        "label": {"each": "0.14", "each_colour": "0.02", "setup": "25.00", "setup_colour": "8.00", "days": 1},
        "packaging": {"each": "0.22", "each_colour": "0.04", "setup": "15.00", "setup_colour": "10.00", "days": 1}
      },
      "minimum": 150,
      "minimum_per_colour": 75,
      "lead_time": {"sampling": 10, "materials": 14, "pieces_per_day": 200}
    }$card$::jsonb),
    ('jacket', $card${
      "name": "Jacket",
      "base": "32.00",
      "fabrics": [
        {"fabric": "softshell", "name": "Softshell, three layers", "percent": "0"},
        {"fabric": "nylon_shell", "name": "Nylon shell, lined", "percent": "-9"},
        {"fabric": "padded", "name": "Recycled padding, nylon shell", "percent": "19"},
        {"fabric": "denim_12oz", "name": "Denim, 12 oz", "percent": "6"}
      ],
      "sizes": [
        {"size": "XS", "each": "0"}, {"size": "S", "each": "0"}, {"size": "M", "each": "0"}, {"size": "L", "each": "0"},
        {"size": "XL", "each": "0"}, {"size": "XXL", "each": "2.40"}, {"size": "3XL", "each": "4.20"}
      ],
      "minimum": 100,
      "minimum_per_colour": 100,
      "lead_time": {"sampling": 10, "materials": 14, "pieces_per_day": 180}
    }$card$::jsonb)
)
insert into private.rate_cards (product, version, content)
select own.product, 1, common.content || own.content
  || jsonb_build_object('lead_time', (common.content -> 'lead_time') || (own.content -> 'lead_time'))
from own, common;
