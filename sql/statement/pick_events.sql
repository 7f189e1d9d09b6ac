-- The events of some series in a range.

select time, event_id, series_id, quantity, covers_us
from usage_event
where team_id = %(team_id)s
    and time >= %(since)s
    and time < %(until)s
    and series_id in (select unnest(%(series)s::bigint []))
limit %(rows)s
