-- Every plan that a team was on and from when, oldest first.

select starts_at, plan
from subscription
where team_id = %(team_id)s
order by starts_at
