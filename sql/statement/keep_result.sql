-- Writes what a job found out, in place of what it found before.

update result
set
    due_at = %(due_at)s, as_of = %(as_of)s, made_at = %(made_at)s, run = %(run)s, coverage = %(coverage)s,
    body = %(body)s::jsonb, why = ''
where team_id = %(team_id)s and job = %(job)s and subject = %(subject)s
