-- Which of these events has a source brought before, and what did it say of them? Positions from 1.

select w.position, e.label_id, e.quantity, e.covers_us
from unnest(%(times)s::timestamptz [], %(event_ids)s::uuid []) with ordinality as w (time, event_id, position)
cross join lateral (
    select b.label_id, b.quantity, b.covers_us
    from backfill_event as b
    where b.backfill_id = %(backfill_id)s and b.time = w.time and b.event_id = w.event_id
    limit 1
) as e
