-- Nothing waits longer than ten minutes to be rolled up; while it waits, numbers are right but slow to read. A worker
-- that does not run (`meter work`) is the usual reason.

select team_id, count(*) as waiting, min(at) as since
from touched
group by team_id
having min(at) < %(now)s - interval '10 minutes'
order by since
limit 20
