-- The percentile of what events brought, per range and group: the smallest quantity that at least that share of events
-- does not exceed (nearest rank), exact because ranks are reckoned in decimals. From raw events.

select r.position, b.grp, b.events, b.found
from unnest(%(range_from)s::timestamptz [], %(range_to)s::timestamptz []) with ordinality as r (lo, hi, position)
cross join lateral (
    select
        k.grp,
        max(k.events) as events,
        min(k.quantity) filter (where k.rank >= ceil(k.events * %(percentile)s::numeric / 100)) as found
    from (
        select
            g.grp,
            u.quantity,
            row_number() over (partition by g.grp order by u.quantity) as rank,
            count(*) over (partition by g.grp) as events
        from usage_events as u
        inner join unnest(%(series)s::bigint [], %(groups)s::integer []) as g (series_id, grp)
            on u.series_id = g.series_id
        where u.team_id = %(team_id)s and (%(many)s or u.series_id = any(%(series)s))
            and u.time >= r.lo and u.time < r.hi
    ) as k
    group by k.grp
) as b
