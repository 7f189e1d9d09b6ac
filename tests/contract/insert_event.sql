-- Writes one event of a series that is there, the way an ingest in another process would.

insert into usage_event (team_id, time, event_id, series_id, quantity)
select %(team_id)s, %(time)s, %(event_id)s, min(id), %(quantity)s
from series
where team_id = %(team_id)s
