-- What has been applied, in order.

select number, name, engine, sha256
from meter.migration
order by number
