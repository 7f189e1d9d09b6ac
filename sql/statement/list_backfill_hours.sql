-- A page of the difference of a backfill by hour and meter, from after one: of all hours, or of those with anything but
-- events that are the same.

select
    hour, meter, stored_events, stored, source_events, source, added_events, added, amended_events, amended_from,
    amended_to, voided_events, voided, kept_events
from backfill_hour
where backfill_id = %(backfill_id)s
    and (%(whole)s::boolean or added_events + amended_events + voided_events + kept_events > 0
        or (added, amended_from, amended_to, voided) is distinct from (0, 0, 0, 0))
    and (
        %(after)s::timestamptz is null
        or (hour, meter) > (%(after)s::timestamptz, %(after_meter)s::text)
    )
order by hour, meter
limit %(rows)s
