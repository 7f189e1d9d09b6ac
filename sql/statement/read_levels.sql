-- Of each asked meter in a team the quarter of an hour in a place from the highest, in the ranges of the ask: its sum,
-- and what a level of one comes to in it. What was used in fewer quarters has none.

select p.ask, p.total, 900 * p.level_scale as divisor
from (
    select
        w.ask,
        w.place as wanted,
        m.level_scale,
        sum(q.total) as total,
        row_number() over (partition by w.ask order by sum(q.total) desc) as place
    from unnest(
        %(asks)s::bigint [], %(meters)s::text [], %(places)s::bigint [], %(starts)s::timestamptz [],
        %(ends)s::timestamptz []
    ) as w (ask, meter, place, range_from, range_to)
    inner join usage_series as s on w.meter = s.meter
    inner join meter as m on s.meter_id = m.id
    inner join quarter as q on s.team_id = q.team_id and s.id = q.series_id
    where s.team_id = %(team_id)s
        and s.billable
        and q.team_id = %(team_id)s
        and q.bucket >= w.range_from
        and q.bucket < w.range_to
    group by w.ask, w.place, m.level_scale, q.bucket
) as p
where p.place = p.wanted
