-- Which of these rows are stored already, and as the very same fact? The key that brought it may differ: a retry may
-- come after a rotation; and what was amended since may come again as it was. The lateral join with its limit keeps this
-- one index look-up per row, where the planner by itself would read all that the team has. Times ascend: the first and the
-- last keep every other week out from the start.

select
    w.position,
    u.covers_us is not distinct from w.covers_us
    and (
        u.quantity = w.quantity
        and (
            u.series_id = w.series_id
            or exists (
                select
                from series as a
                inner join series as b on a.id = u.series_id and b.id = w.series_id
                where (a.member_id, a.service_id, a.dimensions)
                    is not distinct from (b.member_id, b.service_id, b.dimensions)
            )
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
    ) as same
from unnest(
    %(times)s::timestamptz [], %(event_ids)s::uuid [], %(series_ids)s::bigint [], %(quantities)s::numeric [],
    %(covers)s::bigint []
) with ordinality as w (time, event_id, series_id, quantity, covers_us, position)
cross join lateral (
    select e.series_id, e.quantity, e.covers_us
    from usage_event as e
    where e.team_id = %(team_id)s and e.time = w.time and e.event_id = w.event_id
        and e.time >= (%(times)s::timestamptz [])[1]
        and e.time <= (%(times)s::timestamptz [])[cardinality(%(times)s::timestamptz [])]
    limit 1
) as u
