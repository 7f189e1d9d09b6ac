-- Notes what tells the usage of a source apart.

insert into backfill_label (backfill_id, identity, meter, member, service, dimensions, failed)
select %(backfill_id)s, w.identity, w.meter, w.member, w.service, w.dimensions, w.failed
from unnest(
    %(identities)s::uuid [], %(meters)s::text [], %(members)s::text [], %(services)s::text [],
    %(dimensions)s::jsonb [], %(failed)s::boolean []
) as w (identity, meter, member, service, dimensions, failed)
on conflict do nothing
