-- lock_due_streams
-- Streams whose level holds no longer and is not counted to its end, those that nobody writes to just now.

select stream_id
from stream_head
where closes_at <= %(now)s
order by stream_id
limit %(most)s
for update skip locked
