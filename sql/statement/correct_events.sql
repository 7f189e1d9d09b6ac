-- Gives events another series and quantity, those that still are as they were looked at. Times ascend: the first and the
-- last keep all other weeks out, and of the columnstore all that lies elsewhere.

update usage_event as u
set series_id = w.new_series_id, quantity = w.new_quantity
from unnest(
    %(times)s::timestamptz [], %(event_ids)s::uuid [], %(old_series)s::bigint [], %(old_quantities)s::numeric [],
    %(new_series)s::bigint [], %(new_quantities)s::numeric []
) as w (time, event_id, old_series_id, old_quantity, new_series_id, new_quantity)
where u.team_id = %(team_id)s and u.time = w.time and u.event_id = w.event_id
    and u.series_id = w.old_series_id and u.quantity = w.old_quantity
    and u.time >= (%(times)s::timestamptz [])[1]
    and u.time <= (%(times)s::timestamptz [])[cardinality(%(times)s::timestamptz [])]
