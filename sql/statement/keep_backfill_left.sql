-- Notes events that are left as they are, and why.

insert into backfill_left (backfill_id, phase, time, event_id, why)
select %(backfill_id)s, %(phase)s, w.time, w.event_id, w.why
from unnest(%(times)s::timestamptz [], %(event_ids)s::uuid [], %(whys)s::text []) as w (time, event_id, why)
on conflict do nothing
