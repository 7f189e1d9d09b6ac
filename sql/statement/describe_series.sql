-- What some series of a team are labelled with, and what turns their base units into the unit of their meter.

select id, meter, unit, aggregation, divisor, per_month, billable, member, service, key::text, dimensions
from usage_series
where team_id = %(team_id)s and id = any(%(series)s)
