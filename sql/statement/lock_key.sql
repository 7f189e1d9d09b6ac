-- One at a time changes a key.

select id
from api_key
where public_id = %(public_id)s and (team_id = %(team_id)s or (%(team_id)s::bigint is null and team_id is null))
for no key update
