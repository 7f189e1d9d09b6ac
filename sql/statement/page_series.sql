-- A page of the series of a team, by their public ids, after one of them.

select
    s.id, s.public_id, s.created_at, s.meter, t.title, s.unit, s.aggregation, s.divisor, s.per_month, s.billable,
    s.member, s.service, s.key::text, s.dimensions
from usage_series as s
inner join meter as t on s.meter_id = t.id
where s.team_id = %(team_id)s
    and (%(meters)s::text [] is null or s.meter = any(%(meters)s::text []))
    and (%(filters)s = '[]'::jsonb or passes(s.member, s.service, s.key::text, s.dimensions, %(filters)s))
    and (%(after)s::uuid is null or s.public_id > %(after)s)
order by s.public_id
limit %(rows)s
