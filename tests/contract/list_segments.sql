-- The rows of a team in order of time: where each is.

select time, event_id
from usage_event
where team_id = %(team_id)s
order by time
