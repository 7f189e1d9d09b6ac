-- The series of one meter of a team that pass the filters, with their labels. A filter that is null lets all pass.

select id, member, service, key::text, dimensions
from usage_series
where team_id = %(team_id)s
    and meter_id = %(meter_id)s
    and (%(members)s::text [] is null or member = any(%(members)s::text []))
    and (%(services)s::text [] is null or service = any(%(services)s::text []))
    and (%(keys)s::text [] is null or key::text = any(%(keys)s::text []))
    and dimensions @> %(dimensions)s
