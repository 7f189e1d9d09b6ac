-- Every stream that was sent to in the last week stands at its newest point, and at its newest value: the next point is
-- counted from there.

select h.stream_id, s.team_id, s.name, h.newest_at, p.newest_at as newest_point, h.last_time, v.last_time as last_point
from stream_head as h
inner join stream as s on h.stream_id = s.id
cross join lateral (
    select max(n.time) as newest_at
    from (
        (
            select q.time
            from point as q
            where q.team_id = s.team_id and q.stream_id = s.id
            order by q.time desc
            limit 1
        )
        union all
        select k.time from kept_point as k where k.team_id = s.team_id and k.stream_id = s.id
    ) as n
) as p
cross join lateral (
    select max(n.time) as last_time
    from (
        (
            select q.time
            from point as q
            where q.team_id = s.team_id and q.stream_id = s.id and q.value is not null
            order by q.time desc
            limit 1
        )
        union all
        select k.time
        from kept_point as k
        where k.team_id = s.team_id and k.stream_id = s.id and k.value is not null
    ) as n
) as v
where h.newest_at > %(now)s::timestamptz - interval '7 days'
    and (h.newest_at, h.last_time) is distinct from (p.newest_at, v.last_time)
limit 20
