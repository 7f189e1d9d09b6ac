-- What a job found out about a subject.

select as_of, made_at, run, coverage, body
from analytics_result
where team_id = %(team_id)s and job = %(job)s and subject = %(subject)s
