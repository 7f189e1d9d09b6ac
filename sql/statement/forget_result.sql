-- Forgets what a job found out about a subject that is not what it was; if it still is one, it is looked at anew.

delete from result
where team_id = %(team_id)s and job = %(job)s and subject = %(subject)s
