-- How many notes are kept, and how many of a day?

select count(*), count(*) filter (where at >= %(since)s and at < %(since)s + interval '1 day')
from snapshot_tick
