-- Writes down how the events of a correction were before it, and how they are after it.

insert into corrected_event (
    correction_id, team_id, time, event_id, old_series_id, old_quantity, new_series_id, new_quantity
)
select
    %(correction_id)s, %(team_id)s, w.time, w.event_id, w.old_series_id, w.old_quantity, w.new_series_id, w.new_quantity
from unnest(
    %(times)s::timestamptz [], %(event_ids)s::uuid [], %(old_series)s::bigint [], %(old_quantities)s::numeric [],
    %(new_series)s::bigint [], %(new_quantities)s::numeric []
) as w (time, event_id, old_series_id, old_quantity, new_series_id, new_quantity)
