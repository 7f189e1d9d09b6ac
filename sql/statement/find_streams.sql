-- The ids of these streams.

select identity, id
from stream
where team_id = %(team_id)s and identity = any(%(identities)s::uuid [])
