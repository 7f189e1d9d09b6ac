-- Which teams have streams whose level holds since before an instant, and has not been counted to its end?

select t.public_id, min(h.last_time) as since, count(*) over () as teams
from stream_head as h
inner join stream as s on h.stream_id = s.id
inner join team as t on s.team_id = t.id
where h.closes_at is not null and h.last_time < %(until)s
group by t.public_id
order by since, t.public_id
limit 20
