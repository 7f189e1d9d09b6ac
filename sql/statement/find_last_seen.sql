-- When was the last data of series in a quarter of each? In seconds since 1970.

select q.series_id, q.latest[1] as last_at
from unnest(%(series)s::bigint [], %(quarters)s::timestamptz []) as w (series_id, bucket)
cross join lateral (
    select v.series_id, v.latest
    from quarter as v
    where v.team_id = %(team_id)s and v.series_id = w.series_id and v.bucket = w.bucket
) as q
