-- Which of these places were held before? Times ascend.

select h.time, h.event_id
from unnest(%(times)s::timestamptz [], %(event_ids)s::uuid []) as w (time, event_id)
inner join held_event as h on w.time = h.time and w.event_id = h.event_id
where h.team_id = %(team_id)s
