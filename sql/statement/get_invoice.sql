-- The invoice with this public id, without its lines.

select
    i.id, i.public_id, t.id, t.public_id, i.reason, i.period_from, i.period_to, i.zone, i.anchor_day, i.plan, p.book,
    p.version, i.rating_version, i.currency, i.total, i.exact, i.seller, i.customer, i.meters, i.as_of, i.created_at,
    i.status, i.number, i.issued_at, i.due_at, i.finalise_at, i.closed_at, i.closed_note, i.document::text as document,
    (select coalesce(sum(s.amount), 0) from invoice_settlement as s where s.invoice_id = i.id) as settled_sum
from invoice as i
inner join team as t on i.team_id = t.id
inner join price_version as p on i.price_version_id = p.id
where i.public_id = %(public_id)s and (%(team_id)s::bigint is null or i.team_id = %(team_id)s)
