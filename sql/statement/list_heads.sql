-- Where these streams stand, times in microseconds since 2000. Asked after they are locked, in a statement of its own: one
-- that waits for a lock goes on with what it saw before of all but the locked row.

select
    stream_id,
    (extract(epoch from last_time - '2000-01-01 00:00:00+00') * 1000000)::bigint,
    last_value,
    last_reading_id,
    (extract(epoch from ended_at - '2000-01-01 00:00:00+00') * 1000000)::bigint,
    (extract(epoch from newest_at - '2000-01-01 00:00:00+00') * 1000000)::bigint,
    closed
from stream_head
where stream_id = any(%(streams)s::bigint [])
