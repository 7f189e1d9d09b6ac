-- What was charged until now of some prices in some billing periods of a team, with the counters that say it.

select c.id, c.price, c.starts_at, c.charged
from unnest(
    %(budget_id)s::bigint [], %(price)s::text [], %(member_id)s::bigint [], %(service_id)s::bigint [],
    %(key_id)s::bigint [], %(meter)s::text [], %(starts_at)s::timestamptz []
) as k (budget_id, price, member_id, service_id, key_id, meter, starts_at)
inner join counter as c
    on
        c.team_id = %(team_id)s and k.budget_id = c.budget_id and k.price = c.price and k.member_id = c.member_id
        and k.service_id = c.service_id and k.key_id = c.key_id and k.meter = c.meter and k.starts_at = c.starts_at
