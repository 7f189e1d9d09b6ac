-- What was booked of some grants from the instant on at which each is renewed, and by meter what was owed or paid of debts
-- (no grant) from its next renewal on; of accounts that are locked.

select
    d.account_id,
    p.grant_id,
    case when p.grant_id is null then p.meter end as meter,
    sum(p.amount) as amount
from unnest(
    %(accounts)s::bigint [], %(grants)s::bigint [], %(renewed)s::timestamptz [], %(next)s::timestamptz []
) as d (account_id, grant_id, renewed_at, next_at)
inner join ledger_transaction as t on d.account_id = t.account_id and d.renewed_at <= t.at
inner join posting as p on t.id = p.transaction_id
where p.grant_id = d.grant_id
    or (p.grant_id is null and p.side = 'customer' and d.next_at <= t.at)
group by 1, 2, 3
