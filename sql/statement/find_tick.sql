-- The last note of what was visible, not after an instant.

select at, snapshot::text
from snapshot_tick
where at <= %(at)s
order by at desc
limit 1
