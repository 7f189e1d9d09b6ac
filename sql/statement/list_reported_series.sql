-- The series of a team by what they are reported under: one row per label, meter, and whether it is billed.

select g.label, s.meter, s.title, s.unit, s.aggregation, s.divisor, s.per_month, s.billable, array_agg(s.id) as series
from (
    select
        u.*,
        t.title
    from usage_series as u
    inner join meter as t on u.meter_id = t.id
    where u.team_id = %(team_id)s
        and (%(meters)s::text [] is null or u.meter = any(%(meters)s::text []))
        and (%(filters)s = '[]'::jsonb or passes(u.member, u.service, u.key::text, u.dimensions, %(filters)s))
) as s
cross join lateral (select label(%(by)s, s.member, s.service, s.key::text, s.dimensions) as label) as g
group by g.label, s.meter, s.title, s.unit, s.aggregation, s.divisor, s.per_month, s.billable
limit %(rows)s
