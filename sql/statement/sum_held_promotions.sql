-- What the invoices of a billing period hold of grants by now, in money: taken before tax, less what was given back. `own` is
-- what one of them holds, `others` what those do that stand beside it, and `held` what all together do, void ones too. What
-- a void one gave back, and was taken again of whatever else there was, is in none of them.

with this as (
    select i.id, i.team_id, i.period_from, i.period_to
    from invoice as i
    where i.id = %(invoice_id)s
),

whole as (
    select
        t.id,
        t.team_id,
        coalesce(min(w.period_from), t.period_from) as period_from,
        coalesce(max(w.period_to), t.period_to) as period_to
    from this as t
    left join
        invoice as w
        on t.team_id = w.team_id and w.reason = 'period' and w.status not in ('draft', 'void')
        and t.period_from >= w.period_from and t.period_from < w.period_to
    group by t.id, t.team_id, t.period_from, t.period_to
),

named as (
    select
        i.id = w.id as is_own,
        i.id <> w.id and i.status <> 'void' as is_other,
        w.team_id,
        'invoice/' || i.public_id || '/promotions' || case when n.number = 0 then '' else '/' || n.number end as source
    from whole as w
    inner join
        invoice as i
        on w.team_id = i.team_id and w.period_from <= i.period_from and w.period_to > i.period_from
        and i.status <> 'draft'
    cross join lateral (
        select 0 as number
        union all
        select a.number from adjustment as a
        where a.invoice_id = i.id
    ) as n
),

booked as (
    select n.is_own, n.is_other, coalesce(a.credit_price, 1) as price, t.id, coalesce(r.id, v.id) as void_id
    from named as n
    inner join account as a on n.team_id = a.team_id
    inner join ledger_transaction as t on a.id = t.account_id and n.source = t.source
    left join ledger_transaction as r on t.id = r.reverses
    left join ledger_transaction as v on a.id = v.account_id and v.source = n.source || '/void'
    where v.kind is distinct from 'credit_adjustment'
)

select
    g.public_id as grant_id,
    g.id as lot,
    coalesce(sum(-p.amount * b.price) filter (where b.is_own), 0) as own,
    coalesce(sum(-p.amount * b.price) filter (where b.is_other), 0) as others,
    sum(-p.amount * b.price) as held
from booked as b
inner join posting as p on p.transaction_id in (b.id, b.void_id)
inner join credit_grant as g on p.grant_id = g.id
group by g.public_id, g.id
order by g.id
