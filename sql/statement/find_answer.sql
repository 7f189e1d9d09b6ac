-- The first answer that an Idempotency-Key got, and which request it was for.

select request_hash, status, body
from idempotent_answer
where scope = %(scope)s and idempotency_key = %(key)s
