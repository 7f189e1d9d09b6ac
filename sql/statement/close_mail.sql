-- Says what became of mail: sent, refused for good, or not wanted any more. What was sent is, whoever has it by now.

update mail
set state = %(state)s, last_error = %(error)s, sent_at = %(sent_at)s, next_at = null
where id = %(id)s and state = 'queued' and (attempts = %(attempts)s or %(state)s = 'sent')
