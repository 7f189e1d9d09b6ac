-- Final invoices of usage, of periods that ended from an instant on, that nobody looked at for long; those first that nobody
-- looked at for longest.

select t.public_id as team_public_id, i.public_id
from invoice as i
inner join team as t on i.team_id = t.id
left join invoice_look as l on i.id = l.invoice_id
where i.reason = 'period'
    and i.status not in ('draft', 'void')
    and i.period_to >= %(since)s
    and coalesce(l.looked_at, i.issued_at) < %(looked_before)s
order by coalesce(l.looked_at, i.issued_at), i.id
limit %(rows)s
