-- The inner id of a series of a team, of one of these members if any are named, and what turns its base unit into its
-- meter's.

select id, unit, divisor, per_month
from usage_series
where team_id = %(team_id)s and public_id = %(public_id)s
    and (%(members)s::text [] is null or member = any(%(members)s::text []))
