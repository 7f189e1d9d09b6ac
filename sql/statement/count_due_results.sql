-- How much a job has to look at by now, as far as it is worth counting.

select count(*)
from (
    select from result as r
    inner join team as t on r.team_id = t.id
    where r.job = %(job)s and r.due_at <= %(now)s and t.deleted_at is null
    limit %(most)s
) as d
