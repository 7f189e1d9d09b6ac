-- Invoices make themselves: which teams were looked at until when, and when one is looked at next.

-- Periods that were over at `since` are billed, or were before anybody watched; `failures` counts how often the next one
-- could not be, `why` is what the last attempt heard.
create table billing_watch (
    team_id bigint primary key references team,
    since timestamptz not null,
    next_at timestamptz not null,
    failures integer not null default 0 check (failures >= 0),
    why text not null default ''
) with (fillfactor = 50);
create index billing_watch_next on billing_watch (next_at);
