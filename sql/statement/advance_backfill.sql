-- Notes up to which place the work on a backfill has come, and whether it is known what is stored at another time.

update backfill
set done_until = %(done_until)s, done_id = %(done_id)s, marked = %(marked)s, changed_at = clock_timestamp()
where id = %(backfill_id)s
