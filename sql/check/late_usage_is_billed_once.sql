-- What changed of earlier periods is on the invoice that says so, to the cent: its lines for it come to the differences
-- that name it.

select i.public_id, i.number, coalesce(l.total, 0) as lines, coalesce(a.total, 0) as differences
from invoice as i
left join (
    select invoice_id, sum(total) as total from invoice_line
    where kind = 'adjustment'
    group by invoice_id
) as l on i.id = l.invoice_id
left join (
    select billed_on, sum(after - before) as total from adjustment
    where billed_on is not null
    group by billed_on
) as a on i.id = a.billed_on
where i.status not in ('draft', 'void') and coalesce(l.total, 0) <> coalesce(a.total, 0)
limit 20
