-- What became of how many events of some backfills, by phase.

select
    backfill_id, phase, source, stored, same, added, restored, amended, voided, moved, kept, conflicts, superseded
from backfill_tally
where backfill_id = any(%(backfills)s::bigint [])
