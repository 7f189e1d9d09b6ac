-- A team's final invoices of usage, of periods that ended from an instant on, in their order.

select public_id from invoice
where team_id = %(team_id)s
    and reason = 'period'
    and status not in ('draft', 'void')
    and period_to >= %(since)s
order by period_from, id
