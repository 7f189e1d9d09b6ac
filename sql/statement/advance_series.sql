-- Keeps the newest quarter with data of some series.

update expected_series as e
set last_quarter = w.last_quarter
from unnest(%(series)s::bigint [], %(quarters)s::timestamptz []) as w (series_id, last_quarter)
where e.series_id = w.series_id and e.last_quarter is distinct from w.last_quarter
