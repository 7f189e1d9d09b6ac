-- Notes that a correction of a backfill was taken back, as far as that was possible.

update backfill_correction
set taken_back = true
where correction_id = %(correction_id)s
