-- Makes teams on a plan since an instant, one in five of them in Kathmandu, each with series of five meters and as many
-- members as that takes.

with teams as (
    insert into team (public_id, name, timezone, currency)
    select gen_random_uuid(), 'Team ' || n, case when n %% 5 = 0 then 'Asia/Kathmandu' else 'UTC' end, 'USD'
    from generate_series(1, %(teams)s) as g (n)
    returning id
),

subscribed as (
    insert into subscription (team_id) select id from teams
    returning id, team_id
),

decided as (
    insert into subscription_change (subscription_id, team_id, effective_at, decision, decided_at, decided_by)
    select
        id,
        team_id,
        %(start)s,
        jsonb_build_object('type', 'start', 'plan', %(plan)s::text, 'anchor_day', 1, 'restart', false),
        %(start)s,
        'bench'
    from subscribed
),

people as (
    insert into member (team_id, user_id, role)
    select t.id, 'm' || n, 'member' from teams as t cross join generate_series(1, %(series)s / 5) as g (n)
    returning id, team_id
)

insert into series (team_id, member_id, meter_id, billable, identity)
select p.team_id, p.id, m.id, true, gen_random_uuid()
from people as p
cross join (
    select id from meter
    where team_id is null
        and slug in ('tokens.input', 'tokens.output', 'tokens.cache_read', 'tokens.cache_write', 'requests')
) as m
