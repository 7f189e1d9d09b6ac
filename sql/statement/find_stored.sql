-- Which of these rows are stored already, and as what? The lateral join with its limit keeps this one index look-up per
-- row, where the planner by itself would read all that the team has. Times ascend: the first and the last keep every other
-- week out from the start.

select w.position, u.series_id, u.quantity, u.covers_us
from unnest(%(times)s::timestamptz [], %(event_ids)s::uuid []) with ordinality as w (time, event_id, position)
cross join lateral (
    select e.series_id, e.quantity, e.covers_us
    from usage_event as e
    where e.team_id = %(team_id)s and e.time = w.time and e.event_id = w.event_id
        and e.time >= (%(times)s::timestamptz [])[1]
        and e.time <= (%(times)s::timestamptz [])[cardinality(%(times)s::timestamptz [])]
    limit 1
) as u
