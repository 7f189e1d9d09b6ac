-- What raw events and rolled quarters are made of here.

select
    (select engine from migration limit 1),
    (select relkind::text from pg_class where oid = 'usage_event'::regclass),
    (select relkind::text from pg_class where oid = 'rolled_quarter'::regclass),
    (select extversion from pg_extension where extname = 'timescaledb'),
    current_setting('timescaledb.license', true)
