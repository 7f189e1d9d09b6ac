-- Forgets answers kept for retries of creating requests; a retry this late is a new request.

delete from idempotent_answer
where created_at < %(before)s
