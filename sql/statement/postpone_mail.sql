-- Tries mail again later, unless somebody else has it by now.

update mail
set next_at = %(next_at)s, last_error = %(error)s
where id = %(id)s and state = 'queued' and attempts = %(attempts)s
