-- Forgets what a comparison has found, before the next.

with hours as (delete from backfill_hour where backfill_id = %(backfill_id)s),

lefts as (delete from backfill_left where backfill_id = %(backfill_id)s and phase = 'comparing'),

tallies as (delete from backfill_tally where backfill_id = %(backfill_id)s and phase = 'comparing'),

events as (update backfill_event set elsewhere = false where backfill_id = %(backfill_id)s and elsewhere)

update backfill
set marked = false
where id = %(backfill_id)s
