-- The events of a source that have these ids, at whatever time.

select time, event_id, label_id, quantity, covers_us, null::text as attributes, elsewhere
from backfill_event
where backfill_id = %(backfill_id)s and event_id = any(%(event_ids)s::uuid [])
