-- Says when a subject is looked at again, and why nothing was found out now.

update result
set due_at = %(due_at)s, why = %(why)s
where team_id = %(team_id)s and job = %(job)s and subject = %(subject)s
