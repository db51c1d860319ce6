-- Five workspaces, one per product, with the people in them. For development only: everybody's password is
-- `backroom-demo`. Refused where there are accounts already, and wherever the database says it is production
-- (alter database postgres set backroom.environment = 'production').
do $$
begin
  if current_setting('backroom.environment', true) = 'production' then
    raise exception 'this is production: it takes no seed';
  elsif exists (select from auth.users) then
    raise exception 'there are accounts here already: the seed is for an empty database';
  end if;
end
$$;

-- Owners first: signing up makes their workspace. The others join by an invite, as they would.
create temporary table seed_people (
  position integer generated always as identity,
  workspace text,
  name text,
  email text,
  role text
);

insert into seed_people (workspace, name, email, role) values
  ('Balloon Atelier', 'Lena Hoffmann', 'lena@balloons.example', 'owner'),
  ('Balloon Atelier', 'Marco Ruiz', 'marco@balloons.example', 'designer'),
  ('Balloon Atelier', 'Priya Nair', 'priya@balloons.example', 'inventory_manager'),
  ('Okafor Collection', 'Daniel Okafor', 'daniel@collection.example', 'owner'),
  ('Sleek Apparel Market', 'Farah Rahman', 'farah@apparel.example', 'owner'),
  ('Sleek Apparel Market', 'Imran Chowdhury', 'imran@apparel.example', 'manager'),
  ('Sleek Apparel Market', 'Ingrid Solberg', 'ingrid@nordicthreads.example', 'buyer'),
  ('Sleek Apparel Market', 'Tanvir Ahmed', 'tanvir@dhakaknit.example', 'supplier'),
  ('Sleek Apparel Market', 'Nusrat Jahan', 'nusrat@gazipurfactory.example', 'factory'),
  ('Café Juniper', 'Sofia Marino', 'sofia@juniper.example', 'owner'),
  ('Café Juniper', 'Tom Becker', 'tom@juniper.example', 'manager'),
  ('Café Juniper', 'Aisha Khan', 'aisha@juniper.example', 'staff'),
  ('Café Juniper', 'Oskar Lind', 'oskar@juniper.example', 'readonly'),
  ('Replica Showcase', 'Ken Adeyemi', 'ken@replicas.example', 'owner');

do $$
declare
  person record;
  id uuid;
  owner uuid;
  home uuid;
  code text;
begin
  for person in select * from seed_people order by position loop
    id := gen_random_uuid();
    if person.role = 'owner' then
      owner := id;
    else
      code := upper(replace(gen_random_uuid()::text, '-', ''));
      insert into public.invites (workspace_id, role_id, code_hash, max_uses, expires_at, created_by)
      select home, r.id, private.invite_hash(code), 1, now() + interval '1 day', owner
      from public.roles as r
      where r.name = person.role and r.workspace_id is null;
    end if;

    insert into auth.users (
      id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data, raw_user_meta_data,
      confirmation_token, recovery_token, email_change, email_change_token_new, created_at, updated_at)
    values (
      id, 'authenticated', 'authenticated', person.email,
      '$2b$10$WouMlmX5vZw6ko1K1uzzDOa1I4QhD0wAHi7pO3ZCHieCPpG.4J1G2', now(),
      '{"provider": "email", "providers": ["email"]}',
      jsonb_build_object('name', person.name)
        || case person.role
          when 'owner' then jsonb_build_object('workspace_name', person.workspace)
          else jsonb_build_object('invite_code', code)
        end,
      '', '', '', '', now(), now());

    insert into auth.identities (id, provider, provider_id, user_id, identity_data, created_at, updated_at)
    values (
      gen_random_uuid(), 'email', id::text, id,
      jsonb_build_object('sub', id, 'email', person.email, 'email_verified', true), now(), now());

    if person.role = 'owner' then
      select default_workspace_id into home from public.profiles where user_id = id;
    end if;
  end loop;

  -- Hosted Supabase looks people up by instance as well; the embedded stack has no such column.
  if exists (
    select from information_schema.columns
    where table_schema = 'auth' and table_name = 'users' and column_name = 'instance_id'
  ) then
    execute 'update auth.users set instance_id = ''00000000-0000-0000-0000-000000000000'' where instance_id is null';
  end if;
end
$$;

update public.workspaces as w
set time_zone = s.time_zone, locale = s.locale, currency = s.currency, country = s.country,
  legal_name = s.legal_name, legal_address = s.legal_address, tax_id = s.tax_id,
  colour = s.colour, reply_to = s.reply_to
from (values
  ('Balloon Atelier', 'Europe/Berlin', 'de-DE', 'EUR', 'DE',
    'Balloon Atelier Hoffmann GmbH', 'Lindenstraße 12, 50674 Köln, Germany', 'DE136695976',
    '#c2417a', 'hallo@balloon-atelier.example'),
  ('Okafor Collection', 'America/Toronto', 'en-CA', 'CAD', 'CA', null, null, null, null, null),
  ('Sleek Apparel Market', 'Asia/Dhaka', 'en-BD', 'USD', 'BD',
    'Sleek Apparel Market Ltd.', 'House 44, Road 11, Banani, Dhaka 1213, Bangladesh', '004412345-0101',
    '#1f3a5f', 'orders@sleek-apparel.example'),
  ('Café Juniper', 'Europe/Rome', 'it-IT', 'EUR', 'IT',
    'Juniper di Sofia Marino', 'Via dei Serpenti 81, 00184 Roma, Italy', 'IT12345670017',
    '#2f5d50', 'ciao@juniper.example'),
  ('Replica Showcase', 'Africa/Lagos', 'en-NG', 'USD', 'NG', null, null, null, null, null)
) as s(name, time_zone, locale, currency, country, legal_name, legal_address, tax_id, colour, reply_to)
where w.name = s.name;

insert into private.invoice_settings (workspace_id, address, postcode, city, vat_id, registration, iban, bic, supplies)
select w.id, s.address, s.postcode, s.city, s.vat_id, s.registration, s.iban, s.bic, s.supplies
from (values
  ('Balloon Atelier', 'Lindenstraße 12', '50674', 'Köln', 'DE136695976', 'HRB 48211, Amtsgericht Köln',
    'DE89370400440532013000', 'COBADEFFXXX', 'services'),
  ('Café Juniper', 'Via dei Serpenti 81', '00184', 'Roma', 'IT12345670017', null, 'IT60X0542811101000000123456', null, 'goods')
) as s(name, address, postcode, city, vat_id, registration, iban, bic, supplies)
join public.workspaces as w on w.name = s.name;

drop table seed_people;
