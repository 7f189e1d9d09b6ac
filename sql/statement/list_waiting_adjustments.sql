-- Differences of a team's earlier invoices that wait for its next one, in the order in which they were found.

select
    a.id, a.public_id, i.number,
    json_build_object(
        'lines', a.lines, 'taxes', a.taxes, 'members', a.members, 'total', (a.after - a.before)::text
    )::text as delta
from adjustment as a
inner join invoice as i on a.invoice_id = i.id
where a.team_id = %(team_id)s
    and a.outcome = 'next_invoice'
    and a.billed_on is null
    and i.status <> 'void'
    and i.currency = %(currency)s
    and i.period_to <= %(period_to)s
order by a.id
