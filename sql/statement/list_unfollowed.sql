-- Which teams have quarters between two instants that a job which follows the rolling up has not looked at yet?

select t.public_id, min(f.bucket) as since, count(*) over () as teams
from follow_up as f
left join team as t on f.team_id = t.id
where f.bucket < %(until)s and f.bucket >= %(since)s
group by t.public_id
order by since, t.public_id
limit 20
