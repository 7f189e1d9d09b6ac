-- Writes down what happened to wallets that are locked, and how they stand after it: transactions with their postings,
-- the standing of accounts and grants, and what is to be told.

with given as (select %(ledger)s::jsonb as ledger),

transactions as (
    insert into ledger_transaction (
        public_id, account_id, kind, amount, balance_after, at, recorded_at, description, metadata, meter, source,
        reverses
    )
    select
        t.public_id,
        t.account_id,
        t.kind,
        t.amount,
        t.balance_after,
        t.at,
        t.recorded_at,
        t.description,
        t.metadata,
        t.meter,
        t.source,
        t.reverses
    from given as g
    cross join lateral jsonb_to_recordset(g.ledger -> 'transactions') as t (
        number integer,
        public_id uuid,
        account_id bigint,
        kind text,
        amount numeric,
        balance_after numeric,
        at timestamptz,
        recorded_at timestamptz,
        description text,
        metadata jsonb,
        meter text,
        source text,
        reverses bigint
    )
    order by t.number
    returning id, public_id, account_id
),

postings as (
    insert into posting (transaction_id, position, account_id, side, grant_id, meter, amount)
    select t.id, p.position, t.account_id, p.side, p.grant_id, p.meter, p.amount
    from given as g
    cross join lateral jsonb_to_recordset(g.ledger -> 'postings') as p (
        transaction uuid, position smallint, side text, grant_id bigint, meter text, amount numeric
    )
    inner join transactions as t on p.transaction = t.public_id
),

lots as (
    update grant_standing as s set
        remaining = l.remaining,
        reserved = l.reserved,
        standing = l.remaining <> 0 or l.reserved <> 0
    from given as g
    cross join lateral jsonb_to_recordset(g.ledger -> 'lots') as l (
        grant_id bigint, remaining numeric, reserved numeric
    )
    where s.grant_id = l.grant_id
),

facts as (
    insert into account_fact (account_id, kind, at, balance, threshold)
    select f.account_id, f.kind, f.at, f.balance, f.threshold
    from given as g
    cross join lateral jsonb_to_recordset(g.ledger -> 'facts') as f (
        account_id bigint, kind text, at timestamptz, balance numeric, threshold numeric
    )
)

update account_standing as s set
    balance = w.balance,
    reserved = w.reserved,
    spent = w.spent,
    owed = w.owed,
    told = w.told
from given as g
cross join lateral jsonb_to_recordset(g.ledger -> 'standings') as w (
    account_id bigint, balance numeric, reserved numeric, spent numeric, owed jsonb, told text []
)
where s.account_id = w.account_id
