-- How counters stand, each held until the transaction ends, in the one order in which everybody locks them.

select
    id, team_id, budget_id, price, member_id, service_id, key_id, meter, starts_at, settled, reserved, ingested
from counter
where id = any(%(ids)s::bigint [])
order by id
for no key update
