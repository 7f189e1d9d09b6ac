-- The keys of a team, oldest first, revoked ones too; never a secret.

select public_id, prefix, name, scopes, kind, created_at, last_used_at, revoked_at
from api_key
where team_id = %(team_id)s and (%(after)s::uuid is null or public_id > %(after)s)
order by public_id
limit %(rows)s
