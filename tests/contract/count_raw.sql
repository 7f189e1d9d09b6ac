-- How many raw events are kept, and since when?

select count(*), min(time)
from usage_event
