-- The quarters with data of some series, in order: how many events, and when the last of them was (seconds since 1970).

select r.series_id, array_agg(r.events order by r.bucket) as events, array_agg(r.latest[1] order by r.bucket) as last_at
from rolled_quarter as r
where r.team_id = %(team_id)s and r.series_id = any(%(series)s::bigint [])
    and r.bucket >= %(since)s and r.bucket < %(until)s
group by r.series_id
