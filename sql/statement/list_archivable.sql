-- Which teams have raw events between two instants?

select t.id, t.public_id
from team as t
where exists (
        select from usage_event as u
        where u.team_id = t.id and u.time >= %(since)s and u.time < %(until)s
    )
order by t.id
