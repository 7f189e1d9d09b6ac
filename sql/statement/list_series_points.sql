-- The newest points that count to a series, from before a time and stream: which stream, and when.

select s.stream_id, p.time
from (
    select distinct stream_id from series_streams where team_id = %(team_id)s and series_id = %(series_id)s
) as s
cross join lateral (
    select q.time
    from stream_points as q
    where q.team_id = %(team_id)s and q.stream_id = s.stream_id and q.series_id = %(series_id)s
        and (q.time, q.stream_id) < (%(before)s::timestamptz, %(before_id)s)
    order by q.time desc
    limit %(rows)s
) as p
order by p.time desc, s.stream_id desc
limit %(rows)s
