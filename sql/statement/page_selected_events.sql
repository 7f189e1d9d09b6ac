-- A page of the rows of some series in order of time, from after a place up to an instant. `since` is the time of that
-- place: it keeps every earlier week out from the start.

select time, event_id, series_id, quantity, covers_us
from usage_event
where team_id = %(team_id)s
    and time >= %(since)s
    and time < %(until)s
    and (time, event_id) > (%(since)s, %(after_id)s::uuid)
    and series_id in (select unnest(%(series)s::bigint []))
order by time, event_id
limit %(rows)s
