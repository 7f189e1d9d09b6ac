-- What these labels of a source are.

select id, meter, member, service, dimensions, failed
from backfill_label
where backfill_id = %(backfill_id)s and id = any(%(labels)s::bigint [])
