-- Which teams have days between two instants whose ids are still to be compared with those of the days around?

select t.public_id, min(w.day) as since, count(*) over () as teams
from wide_look as w
inner join team as t on w.team_id = t.id
where w.day < %(until)s::timestamptz and w.day > %(since)s::timestamptz - interval '1 day'
group by t.public_id
order by since, t.public_id
limit 20
