-- A page of a team's events, newest first, from before a time and event id: the index of usage_event from its end.

select time, event_id, series_id, quantity, segment_from, segment_to, attributes ->> 'id', attributes::text
from usage_events
where team_id = %(team_id)s
    and time >= %(since)s
    and time < %(until)s
    and (time, event_id) < (%(before)s::timestamptz, %(before_id)s::uuid)
order by time desc, event_id desc
limit %(rows)s
