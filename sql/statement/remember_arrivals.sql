-- Keeps the time of an event's first arrival; a retry finds it and brings nothing new.

insert into first_arrival (team_id, event_id, time)
select %(team_id)s, event_id, %(now)s
from unnest(%(event_ids)s::uuid []) as a (event_id)
on conflict do nothing
