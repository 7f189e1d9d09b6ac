-- Budgets of a team, newest first, with the names of whom they are for: one, or a page of them, without
-- those for other members than one.

select
    b.id, b.public_id, b.team_id, b.name, b.measure, b.amount, b.span, b.created_at, b.seconds, b.meters, b.member_id,
    b.service_id, b.key_id, b.each, b.hard, b.opens, b.version, b.ended_at, coalesce(t.divisor, 1) as divisor,
    coalesce(t.unit, '') as unit, m.user_id as member, s.slug as service, k.public_id as key
from budget as b
left join lateral (
    select case when u.aggregation = 'count' then 1 else u.divisor end as divisor, u.unit
    from meter as u
    where b.measure = 'units' and u.slug = b.meters[1] and (u.team_id = b.team_id or u.team_id is null)
) as t on true
left join member as m on b.member_id = m.id
left join service as s on b.service_id = s.id
left join api_key as k on b.key_id = k.id
where b.team_id = %(team_id)s
    and (%(public_id)s::uuid is null or b.public_id = %(public_id)s::uuid)
    and (%(before)s::uuid is null or b.public_id < %(before)s::uuid)
    and (%(ended)s or b.ended_at is null)
    and (%(only_member)s::text is null or b.member_id is null or m.user_id = %(only_member)s::text)
order by b.public_id desc
limit %(rows)s
