-- What was charged of a team's prices as they were used and no invoice bills yet: of billing periods that an invoice shares,
-- and of earlier ones that were billed, where something may have been charged or given back since.

with billed as (
    select
        x.price,
        x.starts_at,
        max(x.ends_at) as ends_at,
        sum(x.amount) as amount
    from invoice_charged as x
    inner join invoice as i on x.invoice_id = i.id
    where x.team_id = %(team_id)s and i.status <> 'void'
    group by x.price, x.starts_at
),

charged as (
    select
        c.price,
        c.starts_at,
        c.ends_at,
        c.charged as amount
    from counter as c
    where c.team_id = %(team_id)s and c.budget_id = 0 and c.charged <> 0
)

select
    coalesce(c.price, b.price) as price,
    coalesce(c.starts_at, b.starts_at) as starts_at,
    coalesce(c.ends_at, b.ends_at) as ends_at,
    coalesce(c.amount, 0) - coalesce(b.amount, 0) as amount
from charged as c
full join billed as b on c.price = b.price and c.starts_at = b.starts_at
where coalesce(c.starts_at, b.starts_at) < %(ends_at)s
    and (coalesce(c.ends_at, b.ends_at) > %(starts_at)s or b.price is not null)
order by 1, 2
