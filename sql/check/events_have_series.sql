-- Every event belongs to a series that exists, and to one of its own team. Looked at: the days that every event is added
-- up in, so no raw events are read but those that wait to be rolled up.

select d.team_id, d.series_id, d.bucket as day, d.events, s.team_id as team_of_series
from daily as d
left join series as s on d.series_id = s.id
where s.team_id is distinct from d.team_id
limit 20
