-- Takes a few rows of usage_event along with other statements, where COPY would have to wait for an answer of its own.

insert into usage_event (team_id, time, event_id, series_id, quantity, covers_us, attributes)
select e.team_id, e.time, e.event_id, e.series_id, e.quantity, e.covers_us, e.attributes
from unnest(
    %(team_ids)s::bigint [], %(times)s::timestamptz [], %(event_ids)s::uuid [], %(series_ids)s::bigint [],
    %(quantities)s::numeric [], %(covers_us)s::bigint [], %(attributes)s::jsonb []
) as e (team_id, time, event_id, series_id, quantity, covers_us, attributes)
