-- Remembers that these secrets were used, unless it was remembered since `before`; one that is being changed by somebody
-- waits for its next use, as nobody's request should wait for that.

update api_key_secret as s
set last_used_at = %(now)s
from (
    select f.id from api_key_secret as f
    where f.id = any(%(secret_ids)s::bigint []) and (f.last_used_at is null or f.last_used_at < %(before)s)
    order by f.id
    for no key update skip locked
) as free
where s.id = free.id
