-- Notes of every ten minutes back to an instant, as if a worker had made them.

insert into snapshot_tick (at, snapshot)
select t.at, pg_current_snapshot()
from generate_series(%(since)s, %(until)s, interval '10 minutes') as t (at)
