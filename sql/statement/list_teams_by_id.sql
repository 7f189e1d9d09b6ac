-- Some teams, deleted ones too: what they have used is counted and billed.

select id, public_id, name, timezone, currency, billing_email, created_at, version, deleted_at
from team
where id = any(%(ids)s::bigint [])
