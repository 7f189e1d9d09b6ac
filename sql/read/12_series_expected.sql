-- Series that may be expected to report: how often (null: nobody knows), said by their meter or learned, and the times in
-- which they were there; one row per such time.

create view series_expected as
select
    t.team_id,
    t.series_id,
    coalesce(m.expected_every_seconds, t.learned_seconds) as every_seconds,
    m.expected_every_seconds is not null as declared,
    t.last_quarter,
    t.since,
    t.until,
    t.ended
from series_times as t
inner join series as s on t.series_id = s.id
inner join meter as m on s.meter_id = m.id
where s.voided_of is null;
