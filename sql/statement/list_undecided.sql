-- Which teams have events before an instant whose id came again with another time, held until that is decided?

select t.public_id, min(least(h.time, h.first_time)) as since, count(*) over () as teams
from held_event as h
inner join team as t on h.team_id = t.id
where h.decision is null and (h.time < %(until)s or h.first_time < %(until)s)
group by t.public_id
order by since, t.public_id
limit 20
