-- What each billing run did: a row for the run, and one for each period, or team without one, that it came to.

-- `month` is what was asked for, null where the worker billed what had ended. One without `ended_at` is still going on, or
-- was broken off: what it had come to by then stands in its rows.
create table billing_run (
    id bigint generated always as identity primary key,
    public_id uuid not null unique,
    origin text not null check (origin in ('command', 'worker')),
    said text not null check (length(said) <= 200), -- how it was asked for
    month date check (extract(day from month) = 1),
    started_at timestamptz not null,
    ended_at timestamptz check (ended_at >= started_at)
);

-- `invoice` is what its address says, and no reference: a draft may be discarded later. Money is of what was made final now.
create table billing_run_result (
    id bigint generated always as identity primary key,
    run_id bigint not null references billing_run,
    team_id bigint not null references team,
    period_from timestamptz,
    period_to timestamptz check (period_to > period_from),
    came text not null check (came in ('billed', 'draft', 'there', 'skipped', 'failed')),
    why text not null default '',
    invoice uuid,
    number text,
    currency text check (currency ~ '^[A-Z]{3}$'),
    total numeric check (total > '-Infinity' and total < 'Infinity'),
    at timestamptz not null,
    check (num_nulls(period_from, period_to) in (0, 2)),
    check (num_nulls(invoice, currency, total) in (0, 3)),
    check ((came in ('skipped', 'failed')) = (why <> ''))
);
create index billing_run_result_run on billing_run_result (run_id, id);

create trigger billing_run_result_is_final before update or delete on billing_run_result
for each row execute function refuse_change();
create trigger billing_run_result_is_kept before truncate on billing_run_result
for each statement execute function refuse_change();
create trigger billing_run_is_not_lost before delete on billing_run
for each row execute function refuse_change();
create trigger billing_run_is_kept before truncate on billing_run
for each statement execute function refuse_change();
