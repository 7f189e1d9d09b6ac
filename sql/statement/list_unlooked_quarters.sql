-- Quarters of teams in which identities are still to be looked at, those around now first, each with all the rows of the
-- log that say so.

select n.team_id, n.bucket, n.ids
from (
    select team_id, bucket, array_agg(id) as ids
    from follow_up
    where job = 'identity'
    group by team_id, bucket
    order by (bucket < %(now)s::timestamptz - interval '2 hours'), min(id)
    limit %(rows)s
) as n
order by (n.bucket < %(now)s::timestamptz - interval '2 hours'), n.team_id, n.bucket
