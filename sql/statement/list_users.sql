-- Who used what in some quarters of a team, as far as it counts for limits: member, service and key (0: none), and meter.

select distinct
    coalesce(s.member_id, 0) as member_id,
    coalesce(s.service_id, 0) as service_id,
    coalesce(s.key_id, 0) as key_id,
    v.meter
from quarter as q
inner join series as s on q.series_id = s.id
inner join usage_series as v on s.id = v.id
where q.team_id = %(team_id)s and q.bucket = any(%(buckets)s::timestamptz []) and s.billable
