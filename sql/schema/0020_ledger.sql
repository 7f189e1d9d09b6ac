-- Credits: what a team paid ahead or was given, what usage took of it, and what is left. Double entry: of each
-- transaction the postings come to nothing. What happened is only added to; how it stands is kept beside it, and equal.

-- A team's wallet, or that of one of its keys. `credit_price` is money per credit. `floor` says how far below zero it may
-- be reserved; none: without limit.
create table account (
    id bigint generated always as identity primary key,
    public_id uuid not null unique,
    team_id bigint not null references team,
    key_id bigint references api_key,
    unit text not null check (unit = 'credits' or unit ~ '^[A-Z]{3}$'),
    credit_price numeric check (credit_price > 0 and credit_price < 'Infinity'),
    floor numeric check (floor >= 0 and floor < 'Infinity'),
    low_balance numeric check (low_balance >= 0 and low_balance < 'Infinity'),
    recharge_below numeric check (recharge_below >= 0 and recharge_below < 'Infinity'),
    recharge_amount numeric check (recharge_amount > 0 and recharge_amount < 'Infinity'),
    version bigint not null default 1,
    created_at timestamptz not null,
    unique nulls not distinct (team_id, key_id),
    check ((unit = 'credits') = (credit_price is not null)),
    check (num_nulls(recharge_below, recharge_amount) in (0, 2))
);

-- How an account stands. `owed` is what meters used beyond all grants; `told` the facts that hold and were told. The row
-- is what whoever changes anything of the account locks first.
create table account_standing (
    account_id bigint primary key references account,
    balance numeric not null default 0,
    reserved numeric not null default 0 check (reserved >= 0),
    spent numeric not null default 0,
    owed jsonb not null default '{}',
    told text [] not null default '{low_balance,exhausted}' -- nobody need be told that a new wallet is empty
) with (fillfactor = 50);

-- What was put in. The smaller priority is used first; no meters: good for all. `paid` is money.
create table credit_grant (
    id bigint generated always as identity primary key,
    public_id uuid not null unique,
    account_id bigint not null references account,
    kind text not null check (kind in ('credit_purchase', 'credit_grant', 'credit_adjustment')),
    priority integer not null,
    amount numeric not null check (amount > 0 and amount < 'Infinity'),
    paid numeric check (paid >= 0 and paid < 'Infinity'),
    effective_at timestamptz not null,
    expires_at timestamptz check (expires_at > effective_at),
    meters text [] not null default '{}',
    description text not null default '',
    created_at timestamptz not null,
    voided_at timestamptz
);
create index credit_grant_account on credit_grant (account_id, id);

-- `standing` where something is left or reserved: only such grants are looked at when usage comes.
create table grant_standing (
    grant_id bigint primary key references credit_grant,
    account_id bigint not null references account,
    remaining numeric not null default 0 check (remaining >= 0),
    reserved numeric not null default 0 check (reserved >= 0),
    standing boolean not null default true
) with (fillfactor = 50);
create index grant_standing_account on grant_standing (account_id) where standing;

-- `amount` is as the wallet sees it, `at` when it was, `recorded_at` when it was written down. `source` is the fact that
-- it comes from: the same fact is booked once.
create table ledger_transaction (
    id bigint generated always as identity primary key,
    public_id uuid not null unique,
    account_id bigint not null references account,
    kind text not null check (kind in (
        'credit_purchase', 'credit_grant', 'usage_deduction', 'credit_adjustment', 'refund', 'expiry', 'reversal'
    )),
    amount numeric not null,
    balance_after numeric not null,
    at timestamptz not null,
    recorded_at timestamptz not null,
    description text not null default '',
    metadata jsonb not null default '{}',
    meter text,
    source text not null,
    reverses bigint unique references ledger_transaction,
    unique (account_id, source),
    check ((kind = 'reversal') = (reverses is not null))
);
create index ledger_transaction_account on ledger_transaction (account_id, id);
create index ledger_transaction_at on ledger_transaction (account_id, at);

-- `side` tells the wallet (customer) from what stands against it. Of the wallet, an amount is of a grant, or owed for a
-- meter.
create table posting (
    transaction_id bigint not null references ledger_transaction,
    position smallint not null,
    account_id bigint not null, -- the transaction's: looked up for every posting it would cost more than it tells
    side text not null check (side in (
        'customer', 'purchases', 'usage', 'adjustments', 'refunds', 'expired', 'rounding'
    )),
    grant_id bigint references credit_grant,
    meter text not null default '',
    amount numeric not null check (amount > '-Infinity' and amount < 'Infinity'),
    primary key (transaction_id, position),
    check (side = 'customer' or grant_id is null)
);
create index posting_grant on posting (grant_id) where grant_id is not null;

-- What people are to be told of an account: once per crossing.
create table account_fact (
    id bigint generated always as identity primary key,
    account_id bigint not null references account,
    kind text not null check (kind in ('low_balance', 'exhausted', 'recharge_due')),
    at timestamptz not null,
    balance numeric not null,
    threshold numeric not null
);
create index account_fact_account on account_fact (account_id, id);

create function guard_grant() returns trigger language plpgsql set search_path from current as $$
begin
    if tg_op = 'DELETE' or old.voided_at is not null
        or to_jsonb(new) - array['voided_at'] <> to_jsonb(old) - array['voided_at']
    then
        raise exception 'a grant is voided once and never changed' using errcode = 'restrict_violation';
    end if;
    return new;
end
$$;

create trigger credit_grant_is_kept before update or delete on credit_grant
for each row execute function guard_grant();
create trigger credit_grant_is_not_emptied before truncate on credit_grant
for each statement execute function refuse_change();
create trigger ledger_transaction_is_final before update or delete on ledger_transaction
for each row execute function refuse_change();
create trigger ledger_transaction_is_kept before truncate on ledger_transaction
for each statement execute function refuse_change();
create trigger posting_is_final before update or delete on posting
for each row execute function refuse_change();
create trigger posting_is_kept before truncate on posting
for each statement execute function refuse_change();
create trigger account_fact_is_final before update or delete on account_fact
for each row execute function refuse_change();
create trigger account_fact_is_kept before truncate on account_fact
for each statement execute function refuse_change();
