-- How long each kind of row lives. One procedure obeys this table; what is not in it is kept.
set lock_timeout = '5s';
set statement_timeout = '60s';

create table private.retention (
  relation regclass primary key,
  row_age text not null,
  keep interval not null check (keep > interval '0'),
  reason text not null
);
comment on table private.retention is 'How long each kind of row is kept, and why.';
comment on column private.retention.row_age is 'A column or expression that gives the time a row''s life is counted from.';
alter table private.retention enable row level security;

insert into private.retention (relation, row_age, keep, reason) values
  ('private.idempotency', 'created_at', '24 hours', 'how long an answer is given again'),
  ('private.rate_limits', 'coalesce(taken[cardinality(taken)], ''-infinity'')', '1 day', 'longer than any window'),
  ('public.invites', 'expires_at', '90 days', 'so that an owner can see who was invited'),
  ('public.detections', 'created_at', '2 years', 'accuracy is measured over two years');

create function private.purge_expired(_most integer) returns jsonb
language plpgsql security definer
set search_path = ''
as $$
declare
  rule private.retention;
  removed bigint;
  result jsonb := '{}';
begin
  for rule in select * from private.retention order by relation::text loop
    execute format(
      'delete from %1$s where ctid = any (array(select ctid from %1$s where %2$s < now() - %3$L::interval limit %4$L))',
      rule.relation, rule.row_age, rule.keep, _most);
    get diagnostics removed = row_count;
    result := result || jsonb_build_object(rule.relation::text, removed);
  end loop;
  perform private.audit(private.platform(), null, 'retention.obeyed', null, result);
  return result;
end
$$;

create function public.purge_expired(most integer default 5000) returns jsonb
language sql
set search_path = ''
as $$
  select private.purge_expired(most)
$$;
comment on function public.purge_expired is
  'Deletes what the retention table says is over, so many rows of each table at most; returns their number per table.';

create table private.file_retention (
  bucket text primary key,
  keep interval not null check (keep > interval '0'),
  reason text not null
);
comment on table private.file_retention is 'How long the files of a bucket are kept after their upload; what is not in it is kept.';
alter table private.file_retention enable row level security;

insert into private.file_retention (bucket, keep, reason) values
  ('detect', '24 hours', 'a photo that was asked about is deleted at once: nobody asked about this one');

create function private.forgotten_files(_after_bucket text, _after text, _most integer) returns jsonb
language sql stable security definer
set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object('bucket', o.bucket_id, 'name', o.name) order by o.bucket_id, o.name), '[]')
  from (
    select bucket_id, name
    from storage.objects join private.file_retention on bucket = bucket_id
    where created_at < now() - keep and (_after is null or (bucket_id, name) > (_after_bucket, _after))
    order by bucket_id, name limit _most) as o
$$;

create function public.forgotten_files(after_bucket text, after text, most integer) returns jsonb
language sql
set search_path = ''
as $$
  select private.forgotten_files(after_bucket, after, most)
$$;
comment on function public.forgotten_files is 'Files kept for long enough: [{bucket, name}] in that order, after the one named.';

revoke execute on function private.forgotten_files, public.forgotten_files from public, anon, authenticated;
grant execute on function private.forgotten_files, public.forgotten_files to service_role;

revoke execute on function private.purge_expired, public.purge_expired from public, anon, authenticated;
grant execute on function private.purge_expired, public.purge_expired to service_role;
