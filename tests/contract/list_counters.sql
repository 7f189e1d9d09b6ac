-- The counters of a team that are not empty: budget, price, settled, reserved and ingested.

select budget_id, price, settled, reserved, ingested
from counter
where team_id = %(team_id)s and (settled <> 0 or reserved <> 0 or ingested <> 0)
order by id
