-- Where some series stand: the newest quarter with data, and since when they are there, where they still are.

select e.series_id, e.last_quarter, p.since
from expected_series as e
left join expected_span as p on e.series_id = p.series_id and p.until is null
where e.series_id = any(%(series)s::bigint [])
