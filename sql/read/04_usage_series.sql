-- Every series that counts, with its labels spelled out, and its meter's unit and divisor: not those of voided events.

create view usage_series as
select
    s.id,
    s.team_id,
    s.meter_id,
    t.slug as meter,
    t.unit,
    t.aggregation,
    t.divisor,
    t.per_month,
    s.billable and t.billable as billable,
    m.user_id as member,
    v.slug as service,
    k.public_id as key,
    s.dimensions,
    s.identity as public_id,
    s.created_at
from series as s
inner join meter as t on s.meter_id = t.id
left join member as m on s.member_id = m.id
left join service as v on s.service_id = v.id
left join api_key as k on s.key_id = k.id
where s.voided_of is null;
