-- All series of a team.

select id
from series
where team_id = %(team_id)s
order by id
