-- The team with this public id.

select id, public_id, name, timezone, currency, billing_email, created_at, version, deleted_at
from team
where public_id = %(public_id)s
