-- The budgets of a team that have not ended, by id, with what turns what is stored of its meters into their unit.

select
    b.id, b.public_id, b.team_id, b.name, b.measure, b.amount, b.span, b.created_at, b.seconds, b.meters, b.member_id,
    b.service_id, b.key_id, b.each, b.hard, b.opens, b.version, b.ended_at, coalesce(m.divisor, 1) as divisor,
    coalesce(m.unit, '') as unit
from budget as b
left join lateral (
    select case when t.aggregation = 'count' then 1 else t.divisor end as divisor, t.unit
    from meter as t
    where b.measure = 'units' and t.slug = b.meters[1] and (t.team_id = b.team_id or t.team_id is null)
) as m on true
where b.team_id = %(team_id)s and b.ended_at is null
order by b.id
