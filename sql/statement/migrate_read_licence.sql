-- Under which licence TimescaleDB runs here; only `timescale` has continuous aggregates and the columnstore.

select current_setting('timescaledb.license', true)
