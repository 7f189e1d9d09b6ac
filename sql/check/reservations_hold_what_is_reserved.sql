-- What is reserved of counters, grants and accounts is what open reservations hold of them, no more and no less.

with held as (
    select 'counter' as kind, p.id, p.amount
    from reservation as r
    cross join lateral unnest(r.counter_ids, r.amounts) as p (id, amount)
    where r.state = 'open'
    union all
    select 'account', r.account_id, (b.part ->> 1)::numeric
    from reservation as r
    cross join lateral jsonb_array_elements(r.burns) as b (part)
    where r.state = 'open' and r.account_id is not null
    union all
    select 'grant', (b.part ->> 0)::bigint, (b.part ->> 1)::numeric
    from reservation as r
    cross join lateral jsonb_array_elements(r.burns) as b (part)
    where r.state = 'open' and b.part ->> 0 is not null
),

holding as (
    select kind, id, sum(amount) as amount
    from held
    group by kind, id
),

reserved as (
    select 'counter' as kind, id, reserved as amount
    from counter
    where reserved <> 0
    union all
    select 'account', account_id, reserved
    from account_standing
    where reserved <> 0
    union all
    select 'grant', grant_id, reserved
    from grant_standing
    where reserved <> 0
)

select
    coalesce(h.kind, r.kind) as kind,
    coalesce(h.id, r.id) as id,
    h.amount as held,
    r.amount as reserved
from holding as h
full join reserved as r on h.kind = r.kind and h.id = r.id
where coalesce(h.amount, 0) <> coalesce(r.amount, 0)
order by 1, 2
