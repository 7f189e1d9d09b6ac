-- A backfill with events that nobody needs any more; what was added is still needed by one that can be undone.

select id, state = 'applied' as keeps_added
from backfill
where not swept
order by changed_at, id
limit 1
