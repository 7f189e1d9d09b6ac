-- Invoices that billed fees of a period before it: the number of each, its sums, and its lines as they were settled.

select
    i.number, i.document::text as document,
    (select json_agg(l.settled order by l.position) from invoice_line as l where l.invoice_id = i.id) as lines
from invoice as i
where i.team_id = %(team_id)s
    and i.reason = 'advance'
    and i.status not in ('draft', 'void')
    and i.period_from >= %(period_from)s
    and i.period_from < %(period_to)s
order by i.period_from, i.id
