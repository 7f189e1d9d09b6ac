-- What is settled of an invoice lies between nothing and its total, and what the account paid or got stands in the ledger:
-- with what was charged as it was used it comes to the amount, and of a void invoice it was taken back.

with settled as (
    select s.*, i.public_id as invoice, i.team_id, i.number, i.status, i.total
    from invoice_settlement as s
    inner join invoice as i on s.invoice_id = i.id
),

summed as (
    select s.invoice, s.number, s.total, sum(s.amount) as settled
    from settled as s
    group by s.invoice, s.number, s.total
),

booked as (
    select
        t.id,
        t.public_id,
        a.team_id,
        t.source,
        -t.amount * coalesce(a.credit_price, 1) as amount
    from ledger_transaction as t
    inner join account as a on t.account_id = a.id
),

charged as (
    select c.invoice_id, sum(c.amount) as amount
    from invoice_charged as c
    group by c.invoice_id
)

select s.invoice, s.number, 'total' as kind, s.total as expected, s.settled as found
from summed as s
where s.settled > greatest(s.total, 0) or s.settled < least(s.total, 0)
union all
select
    s.invoice,
    s.number,
    s.kind,
    s.amount as expected,
    b.amount + case when right(b.source, 9) = '/rounding' then coalesce(c.amount, 0) else 0 end as found
from settled as s
left join booked as b on s.source = b.public_id and s.team_id = b.team_id
left join charged as c on s.invoice_id = c.invoice_id
where s.kind in ('charged', 'credits', 'carried')
    and (
        b.id is null
        or s.amount <> b.amount + case when right(b.source, 9) = '/rounding' then coalesce(c.amount, 0) else 0 end
        or s.status = 'void'
        and not exists (select from ledger_transaction as r where r.reverses = b.id)
        and not exists (select from booked as v where v.team_id = s.team_id and v.source = b.source || '/void')
    )
limit 100
