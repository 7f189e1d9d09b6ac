-- What is kept for how long: the floors of raw events and points, what is still needed of dropped points, and the archive.

-- `closed`: nothing before it is taken or changed any more; what is there is looked at, archived, and then dropped up to
-- `floor`. Before `unarchived` some of what was dropped is in no archive. Points before `points` are dropped.
alter table raw_floor add column closed timestamptz not null default '-infinity';
alter table raw_floor add column unarchived timestamptz not null default '-infinity';
alter table raw_floor add column points timestamptz not null default '-infinity';
update raw_floor set closed = floor, unarchived = floor;
alter table raw_floor add check (unarchived <= floor and floor <= closed and points <= floor);

-- Of each stream with dropped points the last value, and the mark of an end after it: a late point finds the one before it
-- here, and what the first point that is kept came to can still be told.
create table kept_point (
    team_id bigint not null,
    stream_id bigint not null,
    time timestamptz not null,
    value numeric check (value <> 'NaN' and value >= 0),
    reading_id bigint not null,
    unique (team_id, stream_id, time)
);

-- Raw events that were written to files before they were dropped: one file per team and week, verified before it is
-- listed here.
create table archive_file (
    id bigint generated always as identity primary key,
    team_id bigint not null references team,
    week timestamptz not null check (week = date_bin('7 days', week, '2000-01-03 00:00:00+00')),
    path text not null unique,
    rows bigint not null check (rows > 0),
    bytes bigint not null check (bytes > 0),
    sha256 bytea not null check (length(sha256) = 32),
    written_at timestamptz not null,
    unique (team_id, week)
);
