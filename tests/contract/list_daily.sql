-- Days as every reader sees them.

select series_id, bucket, events, total, smallest, largest, latest
from daily
order by series_id, bucket
