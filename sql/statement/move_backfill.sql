-- Brings a backfill into another state: what is under way begins at its beginning, or goes on.

update backfill
set
    state = %(state)s, failed_in = %(failed_in)s, detail = %(detail)s, ordered_by = %(ordered_by)s, changed_at = %(at)s,
    done_until = case when %(keeps_place)s then done_until end, done_id = case when %(keeps_place)s then done_id end,
    swept = %(swept)s
where id = %(backfill_id)s
