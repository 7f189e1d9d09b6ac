-- What was settled in the slots of a team's rolling windows.

select c.budget_id, c.price, c.member_id, c.service_id, c.key_id, c.meter, c.starts_at, c.settled
from counter as c
inner join budget as b on c.budget_id = b.id
where c.team_id = %(team_id)s and b.seconds >= %(least_seconds)s and c.starts_at > %(head)s and c.settled <> 0
