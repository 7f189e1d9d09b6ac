-- Corrections: which events were voided or amended, by whom and why, and how they were before. An event's row holds what
-- is true now; the history is only added to.

create table correction (
    id bigint generated always as identity primary key,
    public_id uuid not null unique,
    team_id bigint not null references team,
    kind text not null check (kind in ('void', 'amend', 'undo')),
    reason text not null check (length(reason) between 1 and 2000),
    undoes bigint unique references correction,
    at timestamptz not null,
    actor text not null check (actor in ('operator', 'key', 'invitation', 'system')),
    key_id bigint references api_key,
    key_prefix text,
    member text,
    request_id text,
    events bigint not null check (events > 0),
    received xid8 not null default pg_current_xact_id(),
    check ((kind = 'undo') = (undoes is not null)),
    check ((key_id is null) = (actor in ('invitation', 'system')))
);
create index correction_team on correction (team_id, id);

create table corrected_event (
    correction_id bigint not null references correction,
    team_id bigint not null,
    time timestamptz not null,
    event_id uuid not null,
    old_series_id bigint not null,
    old_quantity numeric(38, 12) not null,
    new_series_id bigint not null,
    new_quantity numeric(38, 12) not null,
    primary key (correction_id, time, event_id)
);
create index corrected_event_place on corrected_event (team_id, time, event_id);

create trigger correction_is_final before update or delete on correction
for each row execute function refuse_change();
create trigger correction_is_kept before truncate on correction
for each statement execute function refuse_change();
create trigger corrected_event_is_final before update or delete on corrected_event
for each row execute function refuse_change();
create trigger corrected_event_is_kept before truncate on corrected_event
for each statement execute function refuse_change();

-- Where the voided events of a series lie. They keep identity, time and quantity, so a replay still meets them, and the
-- buckets follow as they group by series; no reader counts what is in here.
alter table series add column voided_of bigint unique references series;
create index series_voided on series (team_id, id) where voided_of is not null;

-- What was visible when: whether an event was there at an instant is told by the transaction that brought it.
create table snapshot_tick (
    at timestamptz primary key,
    snapshot pg_snapshot not null
);
