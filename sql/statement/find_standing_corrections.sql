-- Which of these events were corrected, and that not undone? Times ascend.

select distinct e.time, e.event_id
from unnest(%(times)s::timestamptz [], %(event_ids)s::uuid []) as w (time, event_id)
inner join corrected_event as e on w.time = e.time and w.event_id = e.event_id
inner join correction as c on e.correction_id = c.id
where e.team_id = %(team_id)s
    and e.time >= (%(times)s::timestamptz [])[1]
    and e.time <= (%(times)s::timestamptz [])[cardinality(%(times)s::timestamptz [])]
    and c.kind <> 'undo'
    and not exists (select from correction as u where u.undoes = c.id)
