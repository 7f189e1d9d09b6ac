-- Credit notes, newest first, with the invoice each is of: of a team or all, of one invoice or any, one of them or any.

select
    c.id, c.public_id, c.team_id, t.public_id as team, c.invoice_id, i.public_id as invoice,
    i.number as invoice_number, c.position, c.number, c.reason, c.note, c.currency, c.net, c.tax, c.total,
    c.taxes, c.to_invoice, c.to_balance, c.to_refund, c.issued_at
from credit_note as c
inner join team as t on c.team_id = t.id
inner join invoice as i on c.invoice_id = i.id
where (%(team_id)s::bigint is null or c.team_id = %(team_id)s)
    and (%(invoice_id)s::uuid is null or i.public_id = %(invoice_id)s)
    and (%(public_id)s::uuid is null or c.public_id = %(public_id)s)
    and (%(before)s::bigint is null or c.position < %(before)s)
order by c.position desc
limit %(rows)s
