-- Do the raw events of an instant lie in the columnstore?

select is_compressed
from timescaledb_information.chunks
where hypertable_name = 'usage_event' and range_start <= %(instant)s and %(instant)s < range_end
