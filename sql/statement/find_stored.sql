-- Which of these rows are stored already, and as the very same fact? The key that brought it may differ: a retry may
-- come after a rotation.

select
    w.position,
    u.quantity = w.quantity
    and u.covers_us is not distinct from w.covers_us
    and (
        u.series_id = w.series_id
        or exists (
            select
            from series as a
            inner join series as b on a.id = u.series_id and b.id = w.series_id
            where (a.member_id, a.service_id, a.dimensions) is not distinct from (b.member_id, b.service_id, b.dimensions)
        )
    ) as same
from unnest(
    %(times)s::timestamptz [], %(event_ids)s::uuid [], %(series_ids)s::bigint [], %(quantities)s::numeric [],
    %(covers)s::bigint []
) with ordinality as w (time, event_id, series_id, quantity, covers_us, position)
inner join usage_event as u on u.team_id = %(team_id)s and u.time = w.time and u.event_id = w.event_id
