-- Backfills: what a source says a team has used in a range, held against what is stored, applied and taken back.

create table backfill (
    id bigint generated always as identity primary key,
    public_id uuid not null unique,
    team_id bigint not null references team,
    mode text not null check (mode in ('replace', 'add')),
    since timestamptz not null,
    until timestamptz not null,
    meters text [] not null check (cardinality(meters) > 0),
    filters jsonb not null, -- name, operator and values of each
    reason text not null check (length(reason) between 1 and 1900),
    at timestamptz not null,
    actor text not null check (actor in ('operator', 'key')),
    key_id bigint not null references api_key, -- what is added is of its series
    internal boolean not null,
    key_prefix text,
    member text,
    request_id text,
    state text not null check (
        state in (
            'staged', 'comparing', 'compared', 'applying', 'applied', 'undoing', 'undone', 'failed', 'cancelled'
        )
    ),
    failed_in text check (failed_in in ('comparing', 'applying', 'undoing')),
    detail text check (length(detail) <= 1000), -- why it failed
    ordered_by jsonb, -- who asked for what is under way
    done_until timestamptz, -- up to which place that has come
    done_id uuid,
    marked boolean not null default false, -- it is known which ids of the source are stored at another time
    swept boolean not null default true, -- no rows are left that nobody needs
    changed_at timestamptz not null,
    check (since < until),
    check ((state = 'failed') = (failed_in is not null)),
    check ((done_until is null) = (done_id is null))
);
create index backfill_team on backfill (team_id, id);
create index backfill_due on backfill (changed_at)
where state in ('staged', 'comparing', 'compared', 'applying', 'undoing') or not swept;

-- What tells the usage of a source apart. Not a series: a dry run leaves no member, service or series behind.
create table backfill_label (
    id bigint generated always as identity primary key,
    backfill_id bigint not null references backfill,
    identity uuid not null,
    meter text not null,
    member text,
    service text,
    dimensions jsonb not null,
    failed boolean not null,
    unique (backfill_id, identity)
);

-- The events of a source, each at the place of its last row; the quantity of a sample is its level. The first seven columns
-- are those of usage_event as COPY takes them.
create table backfill_event (
    backfill_id bigint not null,
    time timestamptz not null,
    event_id uuid not null,
    label_id bigint not null,
    quantity numeric(38, 12) not null,
    covers_us bigint check (covers_us > 0),
    attributes jsonb,
    elsewhere boolean not null default false, -- this id is stored at another time
    added boolean not null default false,
    primary key (backfill_id, time, event_id)
) with (fillfactor = 90);
create index backfill_event_id on backfill_event (backfill_id, event_id);

-- What became of how many events: what would, what did, what was taken back.
create table backfill_tally (
    backfill_id bigint not null references backfill,
    phase text not null check (phase in ('comparing', 'applying', 'undoing')),
    source bigint not null default 0,
    stored bigint not null default 0,
    same bigint not null default 0,
    added bigint not null default 0,
    restored bigint not null default 0, -- stored and voided before
    amended bigint not null default 0,
    voided bigint not null default 0,
    moved bigint not null default 0, -- of the voided, or kept: the source has them at another time
    kept bigint not null default 0, -- differ, and stay as they are
    conflicts bigint not null default 0,
    superseded bigint not null default 0,
    primary key (backfill_id, phase)
);

-- The difference by meter and hour, in the meter's base unit.
create table backfill_hour (
    backfill_id bigint not null references backfill,
    meter text not null,
    hour timestamptz not null,
    stored_events bigint not null,
    stored numeric not null,
    source_events bigint not null,
    source numeric not null,
    added_events bigint not null,
    added numeric not null,
    amended_events bigint not null,
    amended_from numeric not null,
    amended_to numeric not null,
    voided_events bigint not null,
    voided numeric not null,
    kept_events bigint not null,
    primary key (backfill_id, meter, hour)
);

-- Events that were left as they are though the source says otherwise, or an undo would put them back.
create table backfill_left (
    backfill_id bigint not null references backfill,
    phase text not null check (phase in ('comparing', 'applying', 'undoing')),
    time timestamptz not null,
    event_id uuid not null,
    why text not null check (why in ('id_conflict', 'corrected_since')),
    primary key (backfill_id, phase, time, event_id)
);

-- Which corrections a backfill has made: when applied, when undone.
create table backfill_correction (
    correction_id bigint primary key references correction,
    backfill_id bigint not null references backfill,
    phase text not null check (phase in ('applying', 'undoing')),
    taken_back boolean not null default false
);
create index backfill_correction_backfill on backfill_correction (backfill_id, correction_id);
