-- The first events that a phase of a backfill has left as they are.

select time, event_id, why
from backfill_left
where backfill_id = %(backfill_id)s and phase = %(phase)s
order by time, event_id
limit %(rows)s
