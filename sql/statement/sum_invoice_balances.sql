-- How a team stands, by currency: what is open and what of it is overdue, and what was paid in a stretch of time, by
-- credits when they were booked and otherwise when the invoice was said to be paid.

select
    i.currency,
    count(*) filter (where i.status = 'open') as open_invoices,
    coalesce(sum(i.total - s.settled) filter (where i.status = 'open'), 0) as outstanding,
    count(*) filter (where i.status = 'open' and i.due_at < %(now)s) as overdue_invoices,
    coalesce(sum(i.total - s.settled) filter (where i.status = 'open' and i.due_at < %(now)s), 0) as overdue,
    coalesce(sum(
        i.total - s.settled
    ) filter (where i.status = 'paid' and i.closed_at >= %(starts_at)s and i.closed_at < %(ends_at)s), 0)
    + coalesce(sum(s.paid), 0) as paid
from invoice as i
cross join lateral (
    select
        coalesce(sum(e.amount), 0) as settled,
        coalesce(sum(e.amount) filter (
            where e.kind <> 'credit_note' and e.created_at >= %(starts_at)s and e.created_at < %(ends_at)s
        ), 0) as paid
    from invoice_settlement as e
    where e.invoice_id = i.id
) as s
where i.team_id = %(team_id)s and i.status not in ('draft', 'void')
group by i.currency
order by i.currency
