-- lock_streams
-- Keeps these streams from other writers until the transaction ends, in the order of their ids.

select stream_id
from stream_head
where stream_id = any(%(streams)s::bigint [])
order by stream_id
for update
