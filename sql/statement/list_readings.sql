-- These recipes.

select id, series_id, way, multiply, divide, gap_rule, gap_us
from reading
where id = any(%(readings)s::bigint [])
