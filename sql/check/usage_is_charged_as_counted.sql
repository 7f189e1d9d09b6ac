-- What usage took of a team's accounts, in money, is what its counters say was charged: of calls that were settled, and of
-- what came without asking, what was given back taken off.

with taken as (
    select a.team_id, -sum(t.amount * coalesce(a.credit_price, 1)) as amount
    from ledger_transaction as t
    inner join account as a on t.account_id = a.id
    where t.kind = 'usage_deduction' and left(t.source, 7) in ('settle/', 'follow/')
    group by a.team_id
),

counted as (
    select c.team_id, sum(c.charged) as amount
    from counter as c
    where c.charged <> 0
    group by c.team_id
)

select
    coalesce(t.team_id, c.team_id) as team,
    t.amount as taken,
    c.amount as charged
from taken as t
full join counted as c on t.team_id = c.team_id
where coalesce(t.amount, 0) <> coalesce(c.amount, 0)
order by 1
limit 100
