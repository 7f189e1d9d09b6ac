-- count_meters
-- How many meters has a team of its own, or the catalogue?

select count(*)
from meter
where team_id is not distinct from %(team_id)s
