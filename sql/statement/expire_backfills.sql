-- Cancels backfills that nobody has gone on with since an instant.

update backfill
set state = 'cancelled', detail = 'nobody went on with it', swept = false
where state in ('staged', 'compared') and changed_at < %(before)s
