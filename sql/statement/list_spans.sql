-- The times in which some series were there.

select series_id, since, until, ended
from expected_span
where series_id = any(%(series)s::bigint [])
order by series_id, since
