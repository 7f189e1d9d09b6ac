-- The highest quarter of an hour of each of these meters in a team: its sum, and what a level of one comes to in it.

select p.meter, max(p.total) as total, 900 * p.level_scale as divisor
from (
    select s.meter, m.level_scale, q.bucket, sum(q.total) as total
    from usage_series as s
    inner join meter as m on s.meter_id = m.id
    inner join quarter as q on s.team_id = q.team_id and s.id = q.series_id
    where s.team_id = %(team_id)s
        and s.billable
        and s.meter = any(%(meters)s::text [])
        and q.team_id = %(team_id)s
        and q.bucket >= %(period_from)s
        and q.bucket < %(period_to)s
    group by s.meter, m.level_scale, q.bucket
) as p
group by p.meter, p.level_scale
