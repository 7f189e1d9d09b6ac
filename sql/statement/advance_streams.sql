-- Where these streams stand now.

update stream as s
set
    last_time = w.last_time,
    last_value = w.last_value,
    last_reading_id = w.last_reading_id,
    ended_at = w.ended_at,
    newest_at = w.newest_at,
    closed = w.closed,
    closes_at = w.closes_at
from unnest(
    %(streams)s::bigint [], %(last_times)s::timestamptz [], %(last_values)s::numeric [], %(readings)s::bigint [],
    %(ended)s::timestamptz [], %(newest)s::timestamptz [], %(closed)s::boolean [], %(closes)s::timestamptz []
) as w (id, last_time, last_value, last_reading_id, ended_at, newest_at, closed, closes_at)
where s.id = w.id
