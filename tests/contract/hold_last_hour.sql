-- Locks the newest rolled hour, so that a refresh that comes to it waits.

select bucket
from {}
order by bucket desc
limit 1
for update
