-- Notes which transactions are visible now. The instant is read after that, so that nothing between the two is missed.

insert into snapshot_tick (snapshot, at)
select s.snapshot, clock_timestamp()
from (select pg_current_snapshot() as snapshot) as s
