-- The invoices of a team, or of all teams, newest first, without their lines; of some states only. What is overdue is open.

select
    i.id, i.public_id, t.id, t.public_id, i.reason, i.period_from, i.period_to, i.zone, i.anchor_day, i.plan, p.book,
    p.version, i.rating_version, i.currency, i.total, i.exact, i.seller, i.customer, i.meters, i.as_of, i.created_at,
    i.status, i.number, i.issued_at, i.due_at, i.finalise_at, i.closed_at, i.closed_note, i.document::text as document,
    (select coalesce(sum(s.amount), 0) from invoice_settlement as s where s.invoice_id = i.id) as settled_sum
from invoice as i
inner join team as t on i.team_id = t.id
inner join price_version as p on i.price_version_id = p.id
where (%(team_id)s::bigint is null or i.team_id = %(team_id)s)
    and (%(before)s::uuid is null or i.public_id < %(before)s)
    and (
        %(statuses)s::text [] is null
        or i.status = any(%(statuses)s)
        or ('overdue' = any(%(statuses)s) and i.status = 'open' and i.due_at < %(now)s::timestamptz)
    )
    and (%(reason)s::text is null or i.reason = %(reason)s)
    and (%(since)s::timestamptz is null or i.period_from >= %(since)s)
    and (%(until)s::timestamptz is null or i.period_from < %(until)s)
order by i.public_id desc
limit %(rows)s
