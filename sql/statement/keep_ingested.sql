-- Keeps what came to counters without asking, where it is something else than before; in the order of their ids, so that
-- nobody deadlocks.

with known as (
    select c.id, k.ingested
    from unnest(%(ids)s::bigint [], %(ingested)s::numeric []) as k (id, ingested)
    inner join counter as c on k.id = c.id
    where c.followed_at is null or c.ingested <> k.ingested
    order by c.id
    for no key update of c
)

update counter as c
set ingested = k.ingested, followed_at = %(now)s
from known as k
where k.id = c.id
