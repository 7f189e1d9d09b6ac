-- From which amount on a team is billed before its period is over; no row where it never was said.

select amount, recurring, version, changed_at
from billing_threshold
where team_id = %(team_id)s
