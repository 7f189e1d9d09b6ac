-- Distinct values that events brought, per range and group: members, or what an attribute says. From raw events.

select r.position, b.grp, b.events, b.found
from unnest(%(range_from)s::timestamptz [], %(range_to)s::timestamptz []) with ordinality as r (lo, hi, position)
cross join lateral (
    select
        g.grp,
        count(*) as events,
        count(distinct case
            when %(unique_of)s = 'member' then s.member
            else u.attributes ->> substr(%(unique_of)s, length('attributes.') + 1)
        end)::numeric as found
    from usage_events as u
    inner join unnest(%(series)s::bigint [], %(groups)s::integer []) as g (series_id, grp) on u.series_id = g.series_id
    inner join usage_series as s on u.series_id = s.id
    where u.team_id = %(team_id)s and (%(many)s or u.series_id = any(%(series)s)) and u.time >= r.lo and u.time < r.hi
    group by g.grp
) as b
