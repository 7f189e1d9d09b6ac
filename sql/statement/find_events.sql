-- The events of these times and identities that are stored. Times ascend: the first and the last keep every other week out
-- from the start; the lateral join with its limit keeps this one index look-up each.

select u.time, u.event_id, u.series_id, u.quantity, u.covers_us
from unnest(%(times)s::timestamptz [], %(event_ids)s::uuid []) as w (time, event_id)
cross join lateral (
    select e.time, e.event_id, e.series_id, e.quantity, e.covers_us
    from usage_event as e
    where e.team_id = %(team_id)s and e.time = w.time and e.event_id = w.event_id
        and e.time >= (%(times)s::timestamptz [])[1]
        and e.time <= (%(times)s::timestamptz [])[cardinality(%(times)s::timestamptz [])]
    limit 1
) as u
