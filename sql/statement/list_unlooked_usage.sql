-- Quarters of a team in a period in which identities are still to be looked at, with the rows of the log that say so: none
-- for what is not rolled up yet.

select %(team_id)s::bigint, q.bucket, array_remove(array_agg(q.id), null)
from (
    select bucket, null::bigint as id
    from touched
    where team_id = %(team_id)s and bucket >= %(since)s and bucket < %(until)s
    union all
    select bucket, id
    from follow_up
    where job = 'identity' and team_id = %(team_id)s and bucket >= %(since)s and bucket < %(until)s
) as q
group by q.bucket
order by q.bucket
