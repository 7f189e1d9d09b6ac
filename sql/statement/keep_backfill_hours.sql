-- Adds to the difference by meter and hour.

insert into backfill_hour as h (
    backfill_id, meter, hour, stored_events, stored, source_events, source, added_events, added, amended_events,
    amended_from, amended_to, voided_events, voided, kept_events
)
select
    %(backfill_id)s, w.meter, w.hour, w.stored_events, w.stored, w.source_events, w.source, w.added_events, w.added,
    w.amended_events, w.amended_from, w.amended_to, w.voided_events, w.voided, w.kept_events
from unnest(
    %(meters)s::text [], %(hours)s::timestamptz [],
    %(stored_events)s::bigint [],
    %(stored)s::numeric [],
    %(source_events)s::bigint [],
    %(source)s::numeric [],
    %(added_events)s::bigint [],
    %(added)s::numeric [],
    %(amended_events)s::bigint [],
    %(amended_from)s::numeric [],
    %(amended_to)s::numeric [],
    %(voided_events)s::bigint [],
    %(voided)s::numeric [],
    %(kept_events)s::bigint []
) as w (
    meter, hour, stored_events, stored, source_events, source, added_events, added, amended_events, amended_from,
    amended_to, voided_events, voided, kept_events
)
on conflict (backfill_id, meter, hour) do update
    set
        stored_events = h.stored_events + excluded.stored_events,
        stored = h.stored + excluded.stored,
        source_events = h.source_events + excluded.source_events,
        source = h.source + excluded.source,
        added_events = h.added_events + excluded.added_events,
        added = h.added + excluded.added,
        amended_events = h.amended_events + excluded.amended_events,
        amended_from = h.amended_from + excluded.amended_from,
        amended_to = h.amended_to + excluded.amended_to,
        voided_events = h.voided_events + excluded.voided_events,
        voided = h.voided + excluded.voided,
        kept_events = h.kept_events + excluded.kept_events
