-- How many events a team has in some quarters of an hour, as far as they are rolled up.

select coalesce(sum(events), 0)::bigint
from rolled_quarter
where team_id = %(team_id)s and bucket >= %(since)s and bucket < %(until)s
