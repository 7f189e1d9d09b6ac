-- A page of a team's events but for voided ones, newest first, from before a time and event id: the index of usage_event
-- from its end.

select time, event_id, series_id, quantity, segment_from, segment_to, attributes ->> 'id', attributes::text
from usage_events
where team_id = %(team_id)s
    and time >= %(since)s
    and time < %(until)s
    and (time, event_id) < (%(before)s::timestamptz, %(before_id)s::uuid)
    and series_id <> all(array(select s.id from series as s where s.team_id = %(team_id)s and s.voided_of is not null))
order by time desc, event_id desc
limit %(rows)s
