-- Has anything changed that decides about calls of these teams: the team, its budgets and accounts, its subscription, prices, meters?

select
    t.id,
    array[
        t.version,
        coalesce(l.version, 0),
        coalesce((select max(s.id) from price_schedule as s), 0),
        c.last,
        c.withdrawn,
        m.versions,
        m.meters
    ] as versions
from unnest(%(team_ids)s::bigint []) as asked (id)
inner join team as t on asked.id = t.id
left join limit_version as l on t.id = l.team_id
cross join lateral (
    select coalesce(max(c.id), 0) as last, count(c.withdrawn_at) as withdrawn
    from subscription_change as c
    where c.team_id = t.id
) as c
cross join lateral (
    select coalesce(sum(m.version), 0)::bigint as versions, count(*) as meters
    from meter as m
    where m.team_id is null or m.team_id = t.id
) as m
