-- lock_streams
-- Keeps these streams from other writers until the transaction ends, in the order of their ids. Where they stand is asked
-- afterwards: what is joined to a row that was waited for would still be that of before.

select id
from stream
where id = any(%(streams)s::bigint [])
order by id
for update
