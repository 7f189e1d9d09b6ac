-- Keeps reservations as they are until the transaction ends, and answers what may have changed of them.

select id, state, event_hash, answer::text as answer
from reservation
where id = any(%(ids)s::bigint [])
order by id
for no key update
