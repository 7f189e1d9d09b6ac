-- Makes series of a team, each of a member and a service of its own name, of the catalogue's meter of cores.

with people as (
    insert into member (team_id, user_id, role)
    select %(team_id)s, 'm' || n, 'member' from generate_series(0, least(%(count)s, 500) - 1) as g (n)
    returning id, user_id
),

apps as (
    insert into service (team_id, slug) select %(team_id)s, 's' || n from generate_series(0, 6) as g (n)
    returning id, slug
)

insert into series (team_id, member_id, service_id, meter_id, billable, dimensions, identity)
select %(team_id)s, p.id, a.id, m.id, true, jsonb_build_object('host', g.n::text), gen_random_uuid()
from generate_series(0, %(count)s - 1) as g (n)
inner join people as p on p.user_id = 'm' || g.n %% least(%(count)s, 500)
inner join apps as a on a.slug = 's' || g.n %% 7
cross join (select id from meter where slug = 'cpu' and team_id is null) as m
returning id
