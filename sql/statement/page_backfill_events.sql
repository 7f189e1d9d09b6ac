-- A page of the events of a source in order of time, from after a place: of all, or of those that were added.

select time, event_id, label_id, quantity, covers_us, attributes::text, elsewhere
from backfill_event
where backfill_id = %(backfill_id)s
    and (time, event_id) > (%(after)s::timestamptz, %(after_id)s::uuid)
    and (added or not %(only_added)s::boolean)
order by time, event_id
limit %(rows)s
