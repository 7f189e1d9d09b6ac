-- Claims an Idempotency-Key for this transaction; waits for another that holds it. Nothing comes back when it is taken.

insert into idempotent_answer (scope, idempotency_key, request_hash, status, body, created_at)
values (%(scope)s, %(key)s, %(request_hash)s, 0, '', %(now)s)
on conflict do nothing
returning status
