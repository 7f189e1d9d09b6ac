-- Takes the mail that is due first, for as long as its sending may take: after `until` somebody else may try.

update mail as m
set
    attempts = m.attempts + 1,
    next_at = %(until)s,
    message_id = coalesce(m.message_id, '<' || m.public_id || '@' || %(domain)s::text || '>')
from (
    select q.id
    from mail as q
    where q.state = 'queued' and q.next_at <= %(now)s
    order by q.next_at, q.id
    limit 1
    for no key update skip locked
) as due, invoice as i
where m.id = due.id and m.invoice_id = i.id
returning
    m.id, m.attempts, m.kind, m.request is not null as asked, m.recipient, m.subject, m.queued_at, m.message_id,
    i.public_id as invoice, i.status
