-- Notes that these events of a source were added.

update backfill_event as e
set added = true
from unnest(%(times)s::timestamptz [], %(event_ids)s::uuid []) as w (time, event_id)
where e.backfill_id = %(backfill_id)s and e.time = w.time and e.event_id = w.event_id
