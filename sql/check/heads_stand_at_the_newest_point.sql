-- Every stream that was sent to in the last week stands at its newest point, and at its newest value: the next point is
-- counted from there.

select h.stream_id, s.team_id, s.name, h.newest_at, p.newest_at as newest_point, h.last_time, v.last_time as last_point
from stream_head as h
inner join stream as s on h.stream_id = s.id
left join lateral (
    select q.time as newest_at
    from point as q
    where q.team_id = s.team_id and q.stream_id = s.id
    order by q.time desc
    limit 1
) as p on true
left join lateral (
    select q.time as last_time
    from point as q
    where q.team_id = s.team_id and q.stream_id = s.id and q.value is not null
    order by q.time desc
    limit 1
) as v on true
where h.newest_at > %(now)s::timestamptz - interval '7 days'
    and (h.newest_at, h.last_time) is distinct from (p.newest_at, v.last_time)
limit 20
