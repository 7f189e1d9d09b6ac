-- Makes a budget of a team, as the routes do it.

with made as (
    insert into budget (
        public_id, team_id, name, measure, amount, span, seconds, meters, member_id, service_id, key_id, each, hard,
        opens, created_at
    )
    values (
        gen_random_uuid(), %(team_id)s, %(name)s, %(measure)s, %(amount)s, %(span)s, %(seconds)s, %(meters)s,
        %(member_id)s, %(service_id)s, %(key_id)s, %(each)s, %(hard)s, %(opens)s, %(now)s
    )
    returning id, team_id
),

raised as (
    insert into limit_version (team_id, version)
    select team_id, 1 from made
    on conflict (team_id) do update set version = limit_version.version + 1
)

select id from made
