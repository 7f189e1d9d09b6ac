-- Events, the series they belong to, and the log of buckets they touched.

create table series (
    id bigint generated always as identity primary key,
    team_id bigint not null references team,
    member_id bigint references member,
    service_id bigint references service,
    meter_id bigint not null references meter,
    key_id bigint references api_key,
    billable boolean not null,
    dimensions jsonb not null default '{}',
    identity uuid not null, -- hash of all that tells series apart, made in meter/series.py
    created_at timestamptz not null default now(),
    unique (team_id, identity)
);
create index series_meter on series (team_id, meter_id);

-- The shape of usage_event, once for both engines: each makes its own kind of table like this one and drops it.
-- A segment of a time-weighted sample is a row at its last microsecond. `covers_us` reaches back from there to the start
-- of the whole sample; the segment itself starts there or at its quarter's edge, whichever is later.
create table usage_event_shape (
    team_id bigint not null,
    time timestamptz not null,
    event_id uuid not null,
    series_id bigint not null,
    quantity numeric(38, 12) not null check (quantity <> 'NaN'),
    covers_us bigint check (covers_us > 0),
    attributes jsonb,
    received xid8 not null default pg_current_xact_id(),
    unique (team_id, time, event_id)
);

-- Events that came without a time keep that of their first arrival, so that a retry is the same event.
create table first_arrival (
    team_id bigint not null,
    event_id uuid not null,
    time timestamptz not null,
    primary key (team_id, event_id)
);

-- Quarters whose roll-up no longer says all: written in the transaction that changed them, deleted when rolled up.
create table touched (
    id bigint generated always as identity primary key,
    team_id bigint not null,
    bucket timestamptz not null check (bucket = date_bin('15 minutes', bucket, '2000-01-01 00:00:00+00')),
    at timestamptz not null default clock_timestamp()
) with (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_insert_threshold = -1
);
create index touched_team_bucket on touched (team_id, bucket);

-- When a team's data last changed, as far as the touched log has been rolled up.
create table rolled_until (
    team_id bigint primary key,
    at timestamptz not null
);

-- Raw events before this instant are gone: nothing earlier is accepted, and edges before it can't be cut.
create table raw_floor (
    only_row boolean primary key default true check (only_row),
    floor timestamptz not null default '-infinity'
);
insert into raw_floor default values;
