-- Forgets some of the events of a source.

with gone as (
    select time, event_id
    from backfill_event
    where backfill_id = %(backfill_id)s and not (added and %(keeps_added)s)
    limit %(rows)s
)

delete from backfill_event as e
using gone as g
where e.backfill_id = %(backfill_id)s and e.time = g.time and e.event_id = g.event_id
