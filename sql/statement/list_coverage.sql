-- All quarters with data of some series, by day.

select series_id, day, seen::text
from coverage
where series_id = any(%(series)s::bigint [])
order by series_id, day
