-- The series of a team that are of one of some meters (null: of any) and pass the filters.

select id
from usage_series
where team_id = %(team_id)s
    and (%(meters)s::text [] is null or meter = any(%(meters)s::text []))
    and (%(filters)s = '[]'::jsonb or passes(member, service, key::text, dimensions, %(filters)s))
limit %(rows)s
