-- What is measured. A stored quantity is in the base unit; divided by `divisor` (and, for a level over a calendar
-- month, by that month's seconds) it is in `unit`. Kept apart so that storing is exact and dividing happens once.

create table meter (
    id bigint generated always as identity primary key,
    team_id bigint references team, -- null: the operator's catalogue, open to every team
    slug text not null check (slug ~ '^[a-z][a-z0-9_.]{0,62}$'),
    title text not null,
    unit text not null,
    aggregation text not null check (aggregation in ('sum', 'count', 'average', 'time_weighted')),
    level_scale numeric not null default 1 check (level_scale > 0), -- base units in one unit of a held level: MB in a GB
    divisor numeric not null default 1 check (divisor > 0),
    per_month boolean not null default false,
    billable boolean not null default true,
    dimensions text [] not null default '{}',
    created_at timestamptz not null default now(),
    unique nulls not distinct (team_id, slug)
);

insert into meter (slug, title, unit, aggregation, level_scale, divisor, per_month, billable, dimensions)
select
    m.slug,
    m.title,
    m.unit,
    m.aggregation,
    case when m.slug like 'memory%' then 1024 else 1 end,
    m.divisor,
    m.per_month,
    m.billable,
    array['model', 'provider', 'endpoint', 'method', 'status', 'host', 'instance', 'region', 'environment', 'direction']
from (
    values
    ('cpu', 'CPU allocated', 'core-hour', 'time_weighted', 3600, false, true),
    ('cpu.used', 'CPU used', 'core-hour', 'time_weighted', 3600, false, false),
    ('memory', 'Memory allocated', 'GB-hour', 'time_weighted', 1024 * 3600, false, true),
    ('memory.used', 'Memory used', 'GB-hour', 'time_weighted', 1024 * 3600, false, false),
    ('storage', 'Storage', 'GB-month', 'time_weighted', 1, true, true),
    ('network', 'Network', 'GB', 'sum', 1, false, true),
    ('requests', 'Requests', 'request', 'sum', 1, false, true),
    ('response_time', 'Response time', 'second', 'average', 1, false, false),
    ('compute', 'Compute', 'second', 'sum', 1, false, true),
    ('documents', 'Documents', 'document', 'sum', 1, false, true),
    ('embedding', 'Embeddings', 'token', 'sum', 1, false, true),
    ('tts', 'Speech made', 'character', 'sum', 1, false, true),
    ('stt', 'Speech understood', 'second', 'sum', 1, false, true),
    ('tokens.input', 'Input tokens', 'token', 'sum', 1, false, true),
    ('tokens.output', 'Output tokens', 'token', 'sum', 1, false, true),
    ('tokens.cache_read', 'Input tokens read from a cache', 'token', 'sum', 1, false, true),
    ('tokens.cache_write', 'Input tokens written to a cache', 'token', 'sum', 1, false, true)
) as m (slug, title, unit, aggregation, divisor, per_month, billable);
