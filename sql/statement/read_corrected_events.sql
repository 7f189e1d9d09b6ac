-- All events of a correction, as they were before it and after it, in order of time.

select time, event_id, old_series_id, old_quantity, new_series_id, new_quantity
from corrected_event
where correction_id = %(correction_id)s
order by time, event_id
