-- What analytics makes ahead is made in time: nothing waits for an hour longer than what was made last, and nothing for a
-- day. A worker that is away, or more than it can compute in an hour, is the usual reason; who asks waits until it is made.

select r.job, count(*) as waiting, count(distinct r.team_id) as teams, min(r.due_at) as since, m.made_at as last_made
from (select job, max(made_at) as made_at from result group by job) as m
inner join result as r on m.job = r.job
inner join team as t on r.team_id = t.id
where r.due_at < greatest(m.made_at - interval '1 hour', %(now)s - interval '1 day') and t.deleted_at is null
group by r.job, m.made_at
order by r.job
limit 20
