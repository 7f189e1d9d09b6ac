-- Each account stands as its postings say: balance, what usage took, what is owed; and its balance is what is left of its
-- grants, less what is owed.

with posted as (
    select
        p.account_id,
        coalesce(sum(p.amount) filter (where p.side = 'customer'), 0) as balance,
        coalesce(sum(p.amount) filter (where p.side = 'usage'), 0) as spent,
        -coalesce(sum(p.amount) filter (where p.side = 'customer' and p.grant_id is null), 0) as owed
    from posting as p
    group by p.account_id
),

granted as (
    select
        g.account_id,
        sum(g.remaining) as remaining,
        sum(g.reserved) as reserved
    from grant_standing as g
    group by g.account_id
),

standing as (
    select
        s.*,
        (select coalesce(sum(o.value::numeric), 0) from jsonb_each_text(s.owed) as o) as owes
    from account_standing as s
)

select
    a.public_id as account_id,
    s.balance,
    coalesce(p.balance, 0) as posted_balance,
    coalesce(g.remaining, 0) as remaining,
    s.owes,
    coalesce(p.owed, 0) as posted_owed,
    s.spent,
    coalesce(p.spent, 0) as posted_spent
from standing as s
inner join account as a on s.account_id = a.id
left join posted as p on s.account_id = p.account_id
left join granted as g on s.account_id = g.account_id
where s.balance <> coalesce(p.balance, 0)
    or s.spent <> coalesce(p.spent, 0)
    or s.owes <> coalesce(p.owed, 0)
    or s.balance <> coalesce(g.remaining, 0) - s.owes
    or s.reserved < coalesce(g.reserved, 0)
order by a.id
limit 100
