-- Makes the series that are missing.

insert into series (team_id, meter_id, member_id, service_id, key_id, billable, dimensions, identity)
select %(team_id)s, w.meter_id, m.id, v.id, %(key_id)s, w.billable, w.dimensions, w.identity
from unnest(
    %(identities)s::uuid [], %(meters)s::bigint [], %(members)s::text [], %(services)s::text [],
    %(dimensions)s::jsonb [], %(billable)s::boolean []
) as w (identity, meter_id, member, service, dimensions, billable)
left join member as m on m.team_id = %(team_id)s and w.member = m.user_id
left join service as v on v.team_id = %(team_id)s and w.service = v.slug
on conflict do nothing
