-- How far budgets are used in the window of now, by whom each tells apart, the most used first: used, reserved, and of
-- sliding windows their slots (when each began, what is taken of it). Of one member only where that is asked for.

select
    w.budget_id, c.member_id, c.service_id, c.key_id, c.meter,
    c.ingested + coalesce(s.settled, c.settled) as used,
    coalesce(s.reserved, c.reserved) as reserved,
    coalesce(s.starts, '{}') as starts,
    coalesce(s.taken, '{}') as taken,
    m.user_id as member, v.slug as service, k.public_id as key
from unnest(
    %(budgets)s::bigint [], %(starts)s::timestamptz [], %(since)s::timestamptz []
) as w (budget_id, starts_at, since)
inner join budget as b on w.budget_id = b.id
cross join lateral (
    select
        i.id, i.member_id, i.service_id, i.key_id, i.meter, i.settled, i.reserved, i.ingested
    from counter as i
    left join member as o on o.id = coalesce(b.member_id, i.member_id)
    where i.team_id = %(team_id)s and i.budget_id = w.budget_id and i.starts_at = w.starts_at
        and (%(only_member)s::text is null or o.user_id = %(only_member)s::text)
    order by i.settled + i.ingested + i.reserved desc, i.id
    limit %(most)s
) as c
left join lateral (
    select
        coalesce(sum(i.settled), 0) as settled,
        coalesce(sum(i.reserved), 0) as reserved,
        array_agg(i.starts_at order by i.starts_at) as starts,
        array_agg(i.settled + i.reserved order by i.starts_at) as taken
    from counter as i
    where w.starts_at = %(head)s and b.seconds is not null
        and i.team_id = %(team_id)s and i.budget_id = w.budget_id and i.price = '' and i.member_id = c.member_id
        and i.service_id = c.service_id and i.key_id = c.key_id and i.meter = c.meter and i.starts_at >= w.since
) as s on b.seconds is not null
left join member as m on c.member_id = m.id
left join service as v on c.service_id = v.id
left join api_key as k on c.key_id = k.id
order by w.budget_id asc, used desc, c.id asc
