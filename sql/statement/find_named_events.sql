-- The events with one of these identities, whenever they were within a range.

select time, event_id, series_id, quantity, covers_us
from usage_event
where team_id = %(team_id)s and time >= %(since)s and time < %(until)s and event_id = any(%(event_ids)s::uuid [])
limit %(rows)s
