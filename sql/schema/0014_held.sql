-- Events whose id came before with another time: held out of what counts until somebody decides. A hold and each decision
-- are corrections, so the history of an event is in one place; this says which of two times was first, and what is decided.

alter table correction drop constraint correction_kind_check;
alter table correction add constraint correction_kind_check check (
    kind in ('void', 'amend', 'undo', 'hold', 'count', 'drop')
);

-- `time` and `event_id` are the place of the row, of a sample that of its last segment; quantities are of the whole event,
-- in base units, as they were when it was held.
create table held_event (
    id bigint generated always as identity primary key,
    public_id uuid not null unique,
    team_id bigint not null references team,
    event_id uuid not null,
    time timestamptz not null,
    covers_us bigint,
    series_id bigint not null references series,
    quantity numeric not null,
    first_time timestamptz not null,
    first_covers_us bigint,
    first_series_id bigint not null references series,
    first_quantity numeric not null,
    hold_id bigint not null references correction,
    at timestamptz not null,
    decision text check (decision in ('count', 'drop')),
    decided_at timestamptz,
    decision_id bigint references correction,
    unique (team_id, time, event_id), -- held once, whatever is decided
    check ((decision is null) = (decided_at is null) and (decision is null) = (decision_id is null))
);
create index held_event_team on held_event (team_id, id);
create index held_event_open on held_event (team_id, id) where decision is null;
create index held_event_hold on held_event (hold_id);

-- Days of teams in which something changed since ids were last compared with those of many days around. `changes` tells
-- whether something changed while that was done.
create table wide_look (
    team_id bigint not null,
    day timestamptz not null check (day = date_bin('1 day', day, '2000-01-01 00:00:00+00')),
    changes bigint not null default 1,
    due timestamptz not null,
    primary key (team_id, day)
);
create index wide_look_due on wide_look (due);

-- what is billed was looked at
create index follow_up_team on follow_up (job, team_id, bucket);
