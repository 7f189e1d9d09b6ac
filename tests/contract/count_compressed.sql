-- How many chunks are in the columnstore, and how many jobs of the engine see to our events?

select
    (select count(*) from timescaledb_information.chunks where hypertable_name = 'usage_event' and is_compressed),
    (select count(*) from timescaledb_information.jobs where hypertable_name = 'usage_event')
