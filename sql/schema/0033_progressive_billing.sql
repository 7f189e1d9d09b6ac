-- Invoices before a period is over: as soon as what it costs and was not billed yet reaches an amount.

alter table invoice drop constraint invoice_reason_check;
alter table invoice add check (reason in ('period', 'advance', 'progressive'));

-- The amount is in the team's currency, without taxes; none: nothing is billed before its period is over. One that is not
-- `recurring` is for the first time in a period only. What was used until `looked_until` was looked at, for the `looks`th
-- time by the data of `looked_as_of`; `why` is what the last look heard where it could not bill.
create table billing_threshold (
    team_id bigint primary key references team,
    amount numeric check (amount > 0 and amount < 'infinity'),
    recurring boolean not null,
    version bigint not null default 1,
    changed_at timestamptz not null,
    looked_until timestamptz,
    looked_as_of timestamptz,
    looks integer not null default 0,
    why text not null default ''
) with (fillfactor = 50);
