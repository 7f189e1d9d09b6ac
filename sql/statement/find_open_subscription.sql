-- The subscription of a team that has no end.

select id, plan, anchor_day, starts_at, ends_at
from subscription
where team_id = %(team_id)s and ends_at is null
