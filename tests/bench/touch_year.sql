-- Notes every quarter of the year as touched, so that the worker's refresh rolls it up.

insert into touched (team_id, bucket)
select %(team_id)s, bucket
from generate_series(%(start)s::timestamptz, %(end)s::timestamptz, interval '15 minutes') as g (bucket)
