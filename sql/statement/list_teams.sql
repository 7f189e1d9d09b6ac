-- All teams, oldest first.

select id, public_id, name, timezone, currency, billing_email, created_at
from team
where %(after)s::uuid is null or public_id > %(after)s
order by public_id
limit %(rows)s
