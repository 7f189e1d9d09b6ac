-- How many events a team has had since an instant, by the hours.

select coalesce(sum(events), 0)::bigint
from rolled_hourly
where team_id = %(team_id)s and bucket >= %(since)s and bucket < %(until)s
