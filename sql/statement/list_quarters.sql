-- What the buckets of a team say between two instants on the quarter hour, by series: microseconds since 1970, ...

select
    (extract(epoch from q.bucket) * 1000000)::bigint as bucket_us, q.series_id, q.events, q.total, q.smallest, q.largest
from quarter as q
where q.team_id = %(team_id)s and q.bucket >= %(since)s and q.bucket < %(until)s
