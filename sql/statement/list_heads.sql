-- Where these streams stand.

select
    s.id, s.team_id, s.identity, s.started_at, s.last_time, s.last_value, s.ended_at, s.newest_at, s.closed,
    r.id, r.series_id, r.way, r.multiply, r.divide, r.gap_rule, r.gap_us
from stream as s
left join reading as r on s.last_reading_id = r.id
where s.id = any(%(streams)s::bigint [])
