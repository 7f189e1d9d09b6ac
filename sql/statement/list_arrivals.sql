-- When did these events arrive first?

select event_id, time
from first_arrival
where team_id = %(team_id)s and event_id = any(%(event_ids)s::uuid [])
