-- Whose these streams are, and which.

select id, team_id, identity, started_at
from stream
where id = any(%(streams)s::bigint [])
