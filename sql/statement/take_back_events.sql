-- Takes rows of usage away that a late point has made wrong. Times ascend: the first and the last keep every other week
-- out from the start.

delete from usage_event as u
using unnest(%(times)s::timestamptz [], %(event_ids)s::uuid []) as w (time, event_id)
where u.team_id = %(team_id)s and u.time = w.time and u.event_id = w.event_id
    and u.time >= (%(times)s::timestamptz [])[1]
    and u.time <= (%(times)s::timestamptz [])[cardinality(%(times)s::timestamptz [])]
