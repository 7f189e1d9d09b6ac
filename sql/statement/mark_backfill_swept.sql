-- Notes that nothing is left of a backfill that nobody needs.

update backfill
set swept = true
where id = %(backfill_id)s
