-- promotions_are_booked
-- What an invoice took of promotional credits, before tax, stands in the ledger in one transaction; and of a void invoice it
-- was taken back.

with told as (
    select
        i.public_id as invoice,
        i.number,
        i.status,
        i.team_id,
        (
            select sum((p.value ->> 'amount')::numeric)
            from json_array_elements(i.document -> 'promotions') as p
        ) as amount
    from invoice as i
    where i.status <> 'draft' and i.document -> 'promotions' is not null
),

booked as (
    select a.team_id, t.id, t.source, -t.amount * coalesce(a.credit_price, 1) as amount
    from ledger_transaction as t
    inner join account as a on t.account_id = a.id
)

select t.invoice, t.number, t.amount as expected, b.amount as found
from told as t
left join booked as b on t.team_id = b.team_id and b.source = 'invoice/' || t.invoice || '/promotions'
where t.amount <> coalesce(b.amount, 0)
    or t.amount <> 0 and t.status = 'void'
    and not exists (select from ledger_transaction as r where r.reverses = b.id)
    and not exists (select from booked as v where v.team_id = t.team_id and v.source = b.source || '/void')
limit 100
