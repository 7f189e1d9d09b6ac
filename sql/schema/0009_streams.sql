-- What collectors send: streams of points, how each is counted, what no rule takes, and the rules themselves.

-- One time series as its sender tells it apart. A counter that counts since another instant is another stream.
create table stream (
    id bigint generated always as identity primary key,
    team_id bigint not null references team,
    identity uuid not null,
    source text not null,
    name text not null,
    field text not null check (field in ('value', 'sum', 'count')),
    kind text not null check (kind in ('counter', 'gauge', 'delta', 'unknown')), -- as the sender says
    unit text not null,
    labels jsonb not null,
    started_at timestamptz,
    created_at timestamptz not null default now(),
    unique (team_id, identity)
);

-- How points of a stream were counted: a recipe is never changed, so what a point came to can be computed again.
create table reading (
    id bigint generated always as identity primary key,
    stream_id bigint not null references stream,
    series_id bigint not null references series,
    way text not null check (way in ('counter', 'delta', 'level', 'measure')),
    multiply numeric not null check (multiply > 0),
    divide numeric not null check (divide > 0),
    gap_rule text not null check (gap_rule in ('hold', 'zero', 'exclude')),
    gap_us bigint not null check (gap_us > 0),
    unique (stream_id, series_id, way, multiply, divide, gap_rule, gap_us)
);
create index reading_series on reading (series_id);

-- Where a stream stands, so that the next point needs no look at earlier ones. Its lock orders those who send for one
-- stream. Apart from the stream, as it is written with each of its points; and stays on its page.
create table stream_head (
    stream_id bigint primary key references stream,
    last_time timestamptz, -- the newest point with a value, and how it was read
    last_value numeric,
    last_reading_id bigint references reading,
    ended_at timestamptz, -- the first mark of an end after it
    newest_at timestamptz, -- the newest point of either kind
    closed boolean not null default false, -- its level is counted for as long as it holds without another point
    closes_at timestamptz, -- when that will be due
    check ((last_time is null) = (last_value is null) and (last_time is null) = (last_reading_id is null))
) with (fillfactor = 70);

-- The shape of point, once for both engines.
create table point_shape (
    team_id bigint not null,
    stream_id bigint not null,
    time timestamptz not null,
    value numeric check (value <> 'NaN' and value >= 0), -- null: the sender says that the stream has ended
    reading_id bigint not null,
    unique (team_id, stream_id, time)
);

-- Which of our series what is sent counts to: the rules of a team.
create table mapping (
    team_id bigint primary key references team,
    document jsonb not null,
    version bigint not null,
    changed_at timestamptz not null
);

-- What no rule takes, and why: listed by name, never billed, never dropped in silence.
create table unmapped (
    team_id bigint not null references team,
    source text not null,
    name text not null,
    reason text not null, -- a code, and what to change
    detail text not null,
    points bigint not null,
    unit text not null,
    labels jsonb not null, -- of one of them, for whoever writes the rule
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    primary key (team_id, source, name, reason)
);

-- What senders say about a metric apart from its points.
create table described (
    team_id bigint not null references team,
    source text not null,
    name text not null,
    kind text not null check (kind in ('counter', 'gauge', 'delta', 'unknown')),
    unit text not null,
    help text not null,
    primary key (team_id, source, name)
);

-- Of the replicas that send the same, whose points are taken: the others' when that one is silent.
create table replica (
    team_id bigint not null references team,
    cluster text not null,
    name text not null,
    seen_at timestamptz not null,
    primary key (team_id, cluster)
);
