-- What a job found out about some subjects of a team.

select subject, as_of, made_at, run, coverage, body
from analytics_result
where team_id = %(team_id)s and job = %(job)s and subject = any(%(subjects)s::text [])
