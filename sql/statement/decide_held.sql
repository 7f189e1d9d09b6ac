-- Writes down what is decided of held events.

update held_event as h
set decision = %(decision)s, decided_at = %(at)s, decision_id = c.id
from correction as c
where h.team_id = %(team_id)s and h.id = any(%(ids)s::bigint []) and c.public_id = %(correction)s
