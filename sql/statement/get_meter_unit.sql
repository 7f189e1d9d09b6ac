-- The unit of a meter that a team may use.

select unit
from meter
where slug = %(slug)s and (team_id is null or team_id = %(team_id)s)
