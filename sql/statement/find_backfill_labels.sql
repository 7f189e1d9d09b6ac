-- The ids of these labels of a source.

select identity, id
from backfill_label
where backfill_id = %(backfill_id)s and identity = any(%(identities)s::uuid [])
