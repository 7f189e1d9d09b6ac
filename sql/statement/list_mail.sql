-- Mail of a team, or of all teams, about one invoice or any, newest first; with `request` what was queued for that one.

select
    m.id, m.public_id, t.public_id as team, i.public_id as invoice, i.number, m.kind, m.recipient, m.subject,
    m.queued_at, m.state, m.attempts, m.next_at, m.last_error, m.sent_at, m.message_id
from mail as m
inner join team as t on m.team_id = t.id
inner join invoice as i on m.invoice_id = i.id
where (%(team_id)s::bigint is null or m.team_id = %(team_id)s)
    and (%(invoice)s::uuid is null or i.public_id = %(invoice)s)
    and (%(request)s::uuid is null or m.request = %(request)s)
    and (%(before)s::bigint is null or m.id < %(before)s)
order by m.id desc
limit %(rows)s
