-- Differences of earlier invoices that an invoice has among its lines, in their order.

select
    a.id, a.public_id, i.number,
    json_build_object(
        'lines', a.lines, 'taxes', a.taxes, 'members', a.members, 'total', (a.after - a.before)::text
    )::text as delta
from adjustment as a
inner join invoice as i on a.invoice_id = i.id
where a.billed_on = %(invoice_id)s
order by a.id
