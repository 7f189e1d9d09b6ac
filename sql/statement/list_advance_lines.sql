-- Invoices that billed a part of a period before its end, in the order they were made: the number of each and why it was
-- made, its sums, and its lines as they were settled. Void ones only where asked for.

select
    i.number, i.reason, i.document::text as document,
    (select json_agg(l.settled order by l.position) from invoice_line as l where l.invoice_id = i.id) as lines
from invoice as i
where i.team_id = %(team_id)s
    and i.reason = any(%(reasons)s::text [])
    and i.status <> 'draft'
    and (i.status <> 'void' or %(voids)s)
    and i.period_from >= %(period_from)s
    and i.period_from < %(period_to)s
order by i.id
