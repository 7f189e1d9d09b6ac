-- lock_due_streams
-- Streams whose level holds no longer and is not counted to its end, those that nobody writes to just now.

select id
from stream
where closes_at <= %(now)s
order by id
limit %(most)s
for update skip locked
