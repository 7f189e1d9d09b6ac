-- When were the points of that stream of each series which had one last? The last ones of a time, in order, `most` at most.

select x.series_id, array_agg(p.time order by p.time) as instants
from unnest(%(series)s::bigint []) as x (series_id)
cross join lateral (
    select r.stream_id
    from reading as r
    inner join stream_head as s on r.stream_id = s.stream_id
    where r.series_id = x.series_id and r.way <> 'delta' and s.last_time is not null
    order by s.last_time desc
    limit 1
) as h
cross join lateral (
    select i.time
    from point as i
    where i.team_id = %(team_id)s and i.stream_id = h.stream_id and i.time >= %(since)s and i.time < %(until)s
        and i.value is not null
    order by i.time desc
    limit %(most)s
) as p
group by x.series_id
