-- When some grants are renewed next.

update grant_recurrence as r set next_at = d.next_at
from unnest(%(grants)s::bigint [], %(next)s::timestamptz []) as d (grant_id, next_at)
where r.grant_id = d.grant_id
