-- The table that the rolled hours are kept in.

select materialization_hypertable_schema, materialization_hypertable_name
from timescaledb_information.continuous_aggregates
where view_schema = 'meter' and view_name = 'rolled_hourly'
