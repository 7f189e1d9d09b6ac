-- Says what became of reservations. One that had expired is settled all the same: the usage happened.

update reservation as r
set state = c.state, closed_at = %(now)s, event_hash = decode(c.event_hash, 'hex'), answer = c.answer
from jsonb_to_recordset(%(closed)s::jsonb) as c (id bigint, state text, event_hash text, answer jsonb)
where r.id = c.id
