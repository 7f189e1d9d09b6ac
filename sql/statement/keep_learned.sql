-- Keeps what was learned of the rhythm of some series, and that it was looked for.

update expected_series as e
set learned_seconds = w.seconds, learned_from = w.learned_from, looked_at = %(now)s
from unnest(
    %(series)s::bigint [], %(seconds)s::bigint [], %(learned_from)s::text []
) as w (series_id, seconds, learned_from)
where e.series_id = w.series_id
