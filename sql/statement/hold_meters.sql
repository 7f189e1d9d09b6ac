-- hold_meters
-- Keeps these meters from being changed until the transaction ends, and says which version each of them is.

select id, version
from meter
where id = any(%(meters)s::bigint [])
order by id
for key share
