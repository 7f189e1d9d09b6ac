-- Which of these rows say the very same as what is stored under their identity, though it may differ by its row? The key
-- that brought it may differ: a retry may come after a rotation; and what was amended since may come again as it was.

select w.position
from unnest(
    %(times)s::timestamptz [], %(event_ids)s::uuid [], %(series_ids)s::bigint [], %(quantities)s::numeric [],
    %(stored_series)s::bigint [], %(stored_quantities)s::numeric []
) with ordinality as w (time, event_id, series_id, quantity, stored_series, stored_quantity, position)
where w.stored_quantity = w.quantity
    and exists (
        select
        from series as a
        inner join series as b on a.id = w.stored_series and b.id = w.series_id
        where (a.member_id, a.service_id, a.dimensions) is not distinct from (b.member_id, b.service_id, b.dimensions)
    )
    or exists (
        select
        from corrected_event as e
        inner join correction as c on e.correction_id = c.id and c.kind <> 'undo'
        inner join series as a on e.old_series_id = a.id
        inner join series as b on b.id = w.series_id
        where e.team_id = %(team_id)s and e.time = w.time and e.event_id = w.event_id
            and e.old_quantity = w.quantity
            and (a.member_id, a.service_id, a.dimensions)
            is not distinct from (b.member_id, b.service_id, b.dimensions)
    )
