-- Forgets sign-ins that have expired.

delete from session
where expires_at < %(now)s
