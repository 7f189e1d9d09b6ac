-- On which day (UTC) was a meter first used by a team, by what was sent so far?

select min(d.bucket) as day
from daily as d
where d.team_id = %(team_id)s
    and d.series_id = any(
        array(select s.id from usage_series as s where s.team_id = %(team_id)s and s.meter_id = %(meter_id)s)
    )
