-- No accepted event has a negative quantity. Looked at: the smallest quantity of every day and series.

select team_id, series_id, bucket as day, smallest
from daily
where smallest < 0
limit 20
