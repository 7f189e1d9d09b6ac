-- Teams, oldest first; with `deleted` those that are, else the others.

select id, public_id, name, timezone, currency, billing_email, created_at, version, deleted_at
from team
where (%(after)s::uuid is null or public_id > %(after)s) and (deleted_at is not null) = %(deleted)s
order by public_id
limit %(rows)s
