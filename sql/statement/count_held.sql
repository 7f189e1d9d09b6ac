-- How many events wait for somebody to decide whether they count, by team.

select t.public_id, t.name, count(*)
from held_event as h
inner join team as t on h.team_id = t.id
where h.decision is null
group by t.id
order by count(*) desc, t.id
