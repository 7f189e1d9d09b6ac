-- The ids of these series.

select identity, id
from series
where team_id = %(team_id)s and identity = any(%(identities)s::uuid [])
