-- Every series of a team that events are of, spelled out; of a voided event the series it was of.

select
    s.id,
    t.slug as meter,
    t.unit,
    t.aggregation,
    t.divisor::text as divisor,
    t.per_month,
    s.billable and t.billable as billable,
    m.user_id as member,
    v.slug as service,
    k.public_id::text as key,
    s.dimensions::text as dimensions,
    s.voided_of is not null as voided
from series as s
inner join meter as t on s.meter_id = t.id
left join member as m on s.member_id = m.id
left join service as v on s.service_id = v.id
left join api_key as k on s.key_id = k.id
where s.team_id = %(team_id)s
order by s.id
