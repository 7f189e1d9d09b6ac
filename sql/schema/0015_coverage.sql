-- Which series are expected to report, how often and since when, and in which quarters of an hour there was data of them:
-- what tells "no data" from zero. Kept apart from the roll-up, and there when raw events are dropped.

alter table meter add column expected_every_seconds bigint check (expected_every_seconds between 1 and 86400);

-- Series that may be expected to report. How often is what their meter says, else what was learned; else nobody knows.
create table expected_series (
    series_id bigint primary key references series,
    team_id bigint not null,
    last_quarter timestamptz, -- the newest one with data
    learned_seconds bigint check (learned_seconds between 1 and 86400),
    learned_from text check (learned_from in ('points', 'events', 'quarters')),
    looked_at timestamptz, -- when learning was tried last
    check ((learned_seconds is null) = (learned_from is null))
) with (fillfactor = 80);
create index expected_series_team on expected_series (team_id, series_id);

-- Times in which a series was there: from its first quarter with data until its sender ended it, or it was gone.
create table expected_span (
    series_id bigint not null references expected_series,
    since timestamptz not null,
    until timestamptz, -- null: it is there
    ended boolean not null default false, -- the sender said so
    primary key (series_id, since),
    check (until > since),
    check (until is not null or not ended)
);
create unique index expected_span_open on expected_span (series_id) where until is null;

-- The quarters of a day (UTC) with data of a series, the first one leftmost. A day without any has no row.
create table coverage (
    team_id bigint not null,
    series_id bigint not null,
    day date not null,
    seen bit(96) not null check (bit_count(seen) > 0),
    primary key (series_id, day)
) with (fillfactor = 80);
create index coverage_team_day on coverage (team_id, day);

-- Up to when what was counted is in here, and what was found then.
create table coverage_progress (
    only_row boolean primary key default true check (only_row),
    at timestamptz,
    silent bigint not null default 0
);
insert into coverage_progress default values;
