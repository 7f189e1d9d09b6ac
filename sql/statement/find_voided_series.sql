-- Which series the voided events in these belong to.

select id, voided_of
from series
where team_id = %(team_id)s and id = any(%(series)s::bigint []) and voided_of is not null
