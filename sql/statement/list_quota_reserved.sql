-- How much calls under way have reserved of what a plan includes, per price in the billing period that began at an instant.

select
    c.price, c.reserved
from counter as c
where c.team_id = %(team_id)s and c.budget_id = 0 and c.price = any(%(prices)s::text []) and c.starts_at = %(starts_at)s
