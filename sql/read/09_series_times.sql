-- When series were there, one row per such time, and how often they report as far as that was learned. `since` is null of
-- one that has no data any more.

create view series_times as
select
    e.team_id, e.series_id, e.learned_seconds, e.last_quarter, p.since, p.until, coalesce(p.ended, false) as ended
from expected_series as e
left join expected_span as p on e.series_id = p.series_id;
