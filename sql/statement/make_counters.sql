-- Makes the counters of a team that are not there yet; those that never follow usage need not wait for that.

insert into counter (
    team_id, budget_id, price, member_id, service_id, key_id, meter, starts_at, ends_at, followed_at
)
select
    %(team_id)s, k.budget_id, k.price, k.member_id, k.service_id, k.key_id, k.meter, k.starts_at, k.ends_at,
    case when not k.follows then %(now)s::timestamptz end as followed_at
from unnest(
    %(budget_id)s::bigint [], %(price)s::text [], %(member_id)s::bigint [], %(service_id)s::bigint [],
    %(key_id)s::bigint [], %(meter)s::text [], %(starts_at)s::timestamptz [], %(ends_at)s::timestamptz [],
    %(follows)s::boolean []
) as k (budget_id, price, member_id, service_id, key_id, meter, starts_at, ends_at, follows)
order by k.budget_id, k.price, k.member_id, k.service_id, k.key_id, k.meter, k.starts_at
on conflict (team_id, budget_id, price, member_id, service_id, key_id, meter, starts_at) do nothing
