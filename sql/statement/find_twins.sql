-- Where the voided events of these series lie.

select voided_of, id
from series
where voided_of = any(%(series)s::bigint [])
