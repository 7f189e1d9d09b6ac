-- Notes that these quarters of a team no longer equal their roll-up; in the transaction that changed them.

insert into touched (team_id, bucket)
select %(team_id)s, bucket
from unnest(%(buckets)s::timestamptz []) as b (bucket)
