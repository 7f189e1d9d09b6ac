-- How many events of sources are kept.

select count(*) from backfill_event
