-- Notes that these quarters of teams no longer equal their roll-up; in the transaction that changed them.

insert into touched (team_id, bucket)
select t.team_id, t.bucket
from unnest(%(team_ids)s::bigint [], %(buckets)s::timestamptz []) as t (team_id, bucket)
