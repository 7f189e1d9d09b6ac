-- What each slot of rolling windows holds that began at or after an instant, by head. To be asked once the heads are held:
-- nobody is let through beside them then.

select
    c.id, c.team_id, c.budget_id, c.price, c.member_id, c.service_id, c.key_id, c.meter, c.starts_at,
    c.settled, c.reserved, c.ingested
from unnest(%(heads)s::bigint [], %(since)s::timestamptz []) as a (head, since)
inner join counter as h on a.head = h.id
inner join counter as c
    on
        h.team_id = c.team_id and h.budget_id = c.budget_id and h.price = c.price and h.member_id = c.member_id
        and h.service_id = c.service_id and h.key_id = c.key_id and h.meter = c.meter and a.since <= c.starts_at
