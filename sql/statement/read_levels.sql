-- Of each of these meters in a team the quarter of an hour in a place from the highest: its sum, and what a level of one
-- comes to in it. A meter that was used in fewer quarters has none.

select p.meter, p.measure, p.total, 900 * p.level_scale as divisor
from (
    select
        s.meter,
        w.measure,
        w.place as wanted,
        m.level_scale,
        sum(q.total) as total,
        row_number() over (partition by s.meter, w.measure order by sum(q.total) desc) as place
    from unnest(%(meters)s::text [], %(measures)s::text [], %(places)s::bigint []) as w (meter, measure, place)
    inner join usage_series as s on w.meter = s.meter
    inner join meter as m on s.meter_id = m.id
    inner join quarter as q on s.team_id = q.team_id and s.id = q.series_id
    where s.team_id = %(team_id)s
        and s.billable
        and q.team_id = %(team_id)s
        and q.bucket >= %(period_from)s
        and q.bucket < %(period_to)s
    group by s.meter, w.measure, w.place, m.level_scale, q.bucket
) as p
where p.place = p.wanted
