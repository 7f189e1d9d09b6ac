-- lock_meter
-- A team's own meter of a name, or the catalogue's; until the transaction ends nobody else changes it, and nobody begins
-- to use it.

select id
from meter
where slug = %(slug)s and team_id is not distinct from %(team_id)s
for update
