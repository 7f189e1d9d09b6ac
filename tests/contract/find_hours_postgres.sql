-- The table that the rolled hours are kept in.

select 'meter', 'rolled_hourly'
