-- The counters of a team by what tells them apart, and whether each was followed yet.

select
    c.id, c.budget_id, c.price, c.member_id, c.service_id, c.key_id, c.meter, c.starts_at,
    c.followed_at is not null as followed
from unnest(
    %(budget_id)s::bigint [], %(price)s::text [], %(member_id)s::bigint [], %(service_id)s::bigint [],
    %(key_id)s::bigint [], %(meter)s::text [], %(starts_at)s::timestamptz []
) as k (budget_id, price, member_id, service_id, key_id, meter, starts_at)
inner join counter as c
    on
        c.team_id = %(team_id)s and k.budget_id = c.budget_id and k.price = c.price and k.member_id = c.member_id
        and k.service_id = c.service_id and k.key_id = c.key_id and k.meter = c.meter and k.starts_at = c.starts_at
