-- The series of one meter of a team that pass the filters, by the labels they are grouped by: one row per group.

select g.labels, array_agg(s.id) as series
from usage_series as s
cross join lateral (
    select array(
        select label(n.name, s.member, s.service, s.key::text, s.dimensions)
        from unnest(%(group_by)s::text []) with ordinality as n (name, position)
        order by n.position
    ) as labels
) as g
where s.team_id = %(team_id)s
    and s.meter_id = %(meter_id)s
    and (%(filters)s = '[]'::jsonb or passes(s.member, s.service, s.key::text, s.dimensions, %(filters)s))
group by g.labels
