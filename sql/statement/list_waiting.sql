-- Which teams have quarters before an instant that are not rolled up yet, and since when?

select t.public_id, min(w.bucket) as since, count(*) over () as teams
from touched as w
left join team as t on w.team_id = t.id
where w.bucket < %(until)s and w.bucket >= %(since)s
group by t.public_id
order by since, t.public_id
limit 20
