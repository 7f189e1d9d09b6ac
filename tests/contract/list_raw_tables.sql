-- The tables that raw events lie in: partitions or chunks, those behind compressed chunks too.

select relname::text
from pg_class
where oid in (select inhrelid from pg_inherits where inhparent = 'usage_event'::regclass)
    or (relkind = 'r' and relname like any(array['compress\_hyper\_%%\_chunk', '\_hyper\_1\_%%\_chunk\_compressed']))
