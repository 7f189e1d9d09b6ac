-- Ends the time of series that have been silent for long: with the last of their data, as if they had ended then.

update expected_span as p
set until = e.last_quarter + interval '15 minutes'
from expected_series as e
where p.series_id = e.series_id and p.until is null and e.last_quarter < %(before)s
