-- Where these streams stand now; times in microseconds since 2000.

update stream_head as s
set
    last_time = '2000-01-01 00:00:00+00'::timestamptz + w.last_us * interval '1 microsecond',
    last_value = w.last_value,
    last_reading_id = w.reading_id,
    ended_at = '2000-01-01 00:00:00+00'::timestamptz + w.ended_us * interval '1 microsecond',
    newest_at = '2000-01-01 00:00:00+00'::timestamptz + w.newest_us * interval '1 microsecond',
    closed = w.closed,
    closes_at = '2000-01-01 00:00:00+00'::timestamptz + w.closes_us * interval '1 microsecond'
from unnest(
    %(streams)s::bigint [], %(last_us)s::bigint [], %(last_values)s::numeric [], %(readings)s::bigint [],
    %(ended_us)s::bigint [], %(newest_us)s::bigint [], %(closed)s::boolean [], %(closes_us)s::bigint []
) as w (stream_id, last_us, last_value, reading_id, ended_us, newest_us, closed, closes_us)
where s.stream_id = w.stream_id
