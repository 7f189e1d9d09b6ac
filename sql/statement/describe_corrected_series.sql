-- What tells some series of a team apart, those of voided events too, and whose key brought them.

select
    s.id, t.slug, m.user_id, v.slug, s.dimensions, s.key_id, coalesce(k.kind = 'internal', false), s.billable,
    s.voided_of is not null
from series as s
inner join meter as t on s.meter_id = t.id
left join member as m on s.member_id = m.id
left join service as v on s.service_id = v.id
left join api_key as k on s.key_id = k.id
where s.team_id = %(team_id)s and s.id = any(%(series)s::bigint [])
