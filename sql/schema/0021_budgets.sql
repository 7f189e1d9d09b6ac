-- How far may a team go? Budgets that somebody set, and counters that say how far a budget or what a plan includes is used.

alter table follow_up drop constraint follow_up_job_check;
alter table follow_up add constraint follow_up_job_check check (job in ('coverage', 'identity', 'limits'));

-- What a budget is about never changes, or its counters would count something else; who wants that ends it and makes
-- another. Its name, its amount and what happens beyond it may be changed.
create table budget (
    id bigint generated always as identity primary key,
    public_id uuid not null unique,
    team_id bigint not null references team,
    name text not null check (length(name) between 1 and 200),
    measure text not null check (measure in ('units', 'money', 'calls')),
    amount numeric not null check (amount >= 0 and amount < 'Infinity'),
    span text not null check (
        span in ('hour', 'day', 'week', 'month', 'quarter', 'year', 'billing', 'rolling', 'ever')
    ),
    seconds integer check (seconds between 1 and 31622400),
    meters text [] not null default '{}', -- none: all
    member_id bigint references member,
    service_id bigint references service,
    key_id bigint references api_key,
    each text [] not null default '{}' check (each <@ array['member', 'service', 'key', 'meter']),
    hard boolean not null,
    opens boolean not null,
    version bigint not null default 1,
    created_at timestamptz not null,
    ended_at timestamptz,
    check ((seconds is null) = (span <> 'rolling')),
    check (measure <> 'units' or cardinality(meters) > 0)
);
create index budget_team on budget (team_id, id) where ended_at is null;
create index budget_listed on budget (team_id, public_id);

-- Raised in the transaction that changes what limits there are: who knows them by heart asks for this alone.
create table limit_version (
    team_id bigint primary key references team,
    version bigint not null default 1
) with (fillfactor = 50);

-- How far a limit is used in one window: by what was settled, in the commit of its event, and by all other usage of the
-- window, `ingested`: what the views say less what was settled, as of when it was followed last. `charged` is money. One of
-- budget and price (book/plan/price) is there; 0 or '' where nothing is told apart. The head of a rolling window begins
-- when nothing else does; its slots are rows of their own.
create table counter (
    id bigint generated always as identity primary key,
    team_id bigint not null references team,
    budget_id bigint not null default 0,
    price text not null default '',
    member_id bigint not null default 0,
    service_id bigint not null default 0,
    key_id bigint not null default 0,
    meter text not null default '',
    starts_at timestamptz not null,
    ends_at timestamptz not null check (ends_at > starts_at),
    settled numeric not null default 0,
    reserved numeric not null default 0,
    ingested numeric not null default 0,
    charged numeric not null default 0,
    followed_at timestamptz,
    unique (team_id, budget_id, price, member_id, service_id, key_id, meter, starts_at),
    check ((budget_id = 0) <> (price = ''))
) with (
    fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 500
);
create index counter_ends on counter (ends_at);

-- Up to when all usage is in the counters.
create table limit_progress (
    only_row boolean primary key default true check (only_row),
    at timestamptz
);
insert into limit_progress default values;
