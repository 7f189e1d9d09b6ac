-- Keeps the first answer for the retries to come, in the transaction that claimed the key.

update idempotent_answer set status = %(status)s, body = %(body)s
where scope = %(scope)s and idempotency_key = %(key)s
