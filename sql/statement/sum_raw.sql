-- Usage per group and slot from raw events alone, as they stood in a snapshot (null: as they are): what came later is left
-- out, what was corrected since counts as before. A segment that a bound cuts counts by its part, its event where it ends.

with since as (
    select distinct on (e.time, e.event_id) e.time, e.event_id, e.old_series_id, e.old_quantity
    from corrected_event as e
    inner join correction as c on e.correction_id = c.id
    where e.team_id = %(team_id)s and e.time >= %(range_from)s and e.time < %(range_to)s
        and c.team_id = %(team_id)s and not pg_visible_in_snapshot(c.received, %(snapshot)s::pg_snapshot)
    order by e.time, e.event_id, e.correction_id
),

stood as (
    select
        coalesce(o.old_series_id, u.series_id) as series_id,
        coalesce(o.old_quantity, u.quantity) as quantity,
        width_bucket(u.time, %(bounds)s::timestamptz []) as last_slot,
        case
            when u.covers_us is null then width_bucket(u.time, %(bounds)s::timestamptz [])
            else width_bucket(
                greatest(
                    u.time + interval '1 microsecond' - u.covers_us * interval '1 microsecond',
                    date_bin('15 minutes', u.time, '2000-01-01 00:00:00+00')
                ),
                %(bounds)s::timestamptz []
            )
        end as first_slot,
        greatest(
            u.time + interval '1 microsecond' - u.covers_us * interval '1 microsecond',
            date_bin('15 minutes', u.time, '2000-01-01 00:00:00+00')
        ) as segment_from,
        u.time + interval '1 microsecond' as segment_to
    from usage_event as u
    left join since as o on u.time = o.time and u.event_id = o.event_id
    where u.team_id = %(team_id)s and u.time >= %(range_from)s and u.time < %(range_to)s
        and (%(snapshot)s::pg_snapshot is null or pg_visible_in_snapshot(u.received, %(snapshot)s::pg_snapshot))
),

-- one pass: what no bound cuts is added up at once, what one cuts stays apart by its ends
together as (
    select
        g.grp,
        s.first_slot,
        s.last_slot,
        count(*) as events,
        sum(s.quantity) as total,
        case when s.first_slot < s.last_slot then s.quantity end as quantity,
        case when s.first_slot < s.last_slot then s.segment_from end as segment_from,
        case when s.first_slot < s.last_slot then s.segment_to end as segment_to
    from stood as s
    inner join unnest(%(series)s::bigint [], %(groups)s::integer []) as g (series_id, grp) on s.series_id = g.series_id
    group by 1, 2, 3, 6, 7, 8
)

select
    t.grp,
    p.slot,
    sum(case when p.slot = t.last_slot then t.events else 0 end)::bigint as events,
    sum(
        case
            when t.segment_from is null then t.total
            else t.events * portion(
                t.quantity,
                t.segment_from,
                t.segment_to,
                (%(bounds)s::timestamptz [])[p.slot],
                (%(bounds)s::timestamptz [])[p.slot + 1]
            )
        end
    ) as total
from together as t
cross join lateral generate_series(
    greatest(t.first_slot, 1), least(t.last_slot, cardinality(%(bounds)s::timestamptz []) - 1)
) as p (slot)
group by t.grp, p.slot
