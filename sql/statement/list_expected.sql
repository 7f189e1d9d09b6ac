-- When were series of a team there, how often do they report as far as that was learned, and up to when does coverage tell
-- what was counted? Those of a range.

select t.series_id, t.learned_seconds, t.since, t.until, u.at
from series_times as t
cross join coverage_until as u
where t.team_id = %(team_id)s
    and (%(many)s or t.series_id = any(%(series)s::bigint []))
    and t.since < %(range_to)s
    and (t.until is null or t.until > %(range_from)s)
    and u.at is not null
order by t.series_id, t.since
