-- Days as they are rolled up, whatever waits.

select series_id, bucket, events, total, smallest, largest, latest
from rolled_daily
order by series_id, bucket
