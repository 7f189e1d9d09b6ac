-- Which meters has a team ever used?

select distinct meter
from usage_series
where team_id = %(team_id)s
