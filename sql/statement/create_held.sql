-- Writes down which events a correction holds, and which time of each was first.

insert into held_event (
    public_id, team_id, event_id, time, covers_us, series_id, quantity, first_time, first_covers_us, first_series_id,
    first_quantity, hold_id, at
)
select
    w.public_id, %(team_id)s, w.event_id, w.time, w.covers_us, w.series_id, w.quantity, w.first_time, w.first_covers_us,
    w.first_series_id, w.first_quantity, c.id, %(at)s
from unnest(
    %(public_ids)s::uuid [], %(event_ids)s::uuid [], %(times)s::timestamptz [], %(covers)s::bigint [],
    %(series)s::bigint [], %(quantities)s::numeric [], %(first_times)s::timestamptz [], %(first_covers)s::bigint [],
    %(first_series)s::bigint [], %(first_quantities)s::numeric []
) as w (
    public_id, event_id, time, covers_us, series_id, quantity, first_time, first_covers_us, first_series_id,
    first_quantity
)
inner join correction as c on c.team_id = %(team_id)s and c.public_id = %(hold)s
