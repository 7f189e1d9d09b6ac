-- Closes all mail that waits, where there is no server to send it through.

update mail
set state = 'skipped', last_error = %(error)s, next_at = null
where state = 'queued' and next_at <= %(now)s
