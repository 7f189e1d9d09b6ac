-- Adds to what became of how many events.

insert into backfill_tally as t (
    backfill_id, phase, source, stored, same, added, restored, amended, voided, moved, kept, conflicts, superseded
)
values (
    %(backfill_id)s, %(phase)s, %(source)s, %(stored)s, %(same)s, %(added)s, %(restored)s, %(amended)s, %(voided)s,
    %(moved)s, %(kept)s, %(conflicts)s, %(superseded)s
)
on conflict (backfill_id, phase) do update
    set
        source = t.source + excluded.source,
        stored = t.stored + excluded.stored,
        same = t.same + excluded.same,
        added = t.added + excluded.added,
        restored = t.restored + excluded.restored,
        amended = t.amended + excluded.amended,
        voided = t.voided + excluded.voided,
        moved = t.moved + excluded.moved,
        kept = t.kept + excluded.kept,
        conflicts = t.conflicts + excluded.conflicts,
        superseded = t.superseded + excluded.superseded
