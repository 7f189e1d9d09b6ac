-- Which teams used some meters (null: any) on some days, deleted ones too? Those with the most events; how many there are.

select
    t.id, t.public_id, t.name, t.timezone, t.currency, t.billing_email, t.created_at, t.version, t.deleted_at,
    count(*) over () as teams
from team as t
cross join lateral (
    select sum(v.events) as events
    from daily as v
    where v.team_id = t.id
        and v.bucket >= %(first)s
        and v.bucket < %(last)s
        and (
            %(meters)s::text [] is null
            or v.series_id in (
                select s.id from usage_series as s where s.team_id = t.id and s.meter = any(%(meters)s::text [])
            )
        )
) as u
where u.events > 0
order by u.events desc, t.id asc
limit %(rows)s
