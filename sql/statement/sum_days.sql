-- Usage per group and slot from the days of some spans; `slot` is the position among the bounds, from 1.
-- Extremes and the latest are left out of the plan where they are not asked for: the parameter is a constant to it.

select
    b.grp,
    b.slot,
    b.events,
    b.total,
    b.smallest,
    b.largest,
    b.latest
from unnest(%(span_from)s::timestamptz [], %(span_to)s::timestamptz []) as s (lo, hi)
cross join lateral (
    select
        g.grp,
        width_bucket(v.bucket, %(bounds)s::timestamptz []) as slot,
        sum(v.events)::bigint as events,
        sum(v.total) as total,
        case when %(extremes)s then min(v.smallest) end as smallest,
        case when %(extremes)s then max(v.largest) end as largest,
        case when %(latest)s then max(v.latest) end as latest
    from daily as v
    inner join unnest(%(series)s::bigint [], %(groups)s::integer []) as g (series_id, grp) on v.series_id = g.series_id
    where v.team_id = %(team_id)s and (%(many)s or v.series_id = any(%(series)s))
        and v.bucket >= s.lo and v.bucket < s.hi
    group by 1, 2
) as b
