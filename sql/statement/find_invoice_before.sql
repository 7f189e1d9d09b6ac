-- The invoice of the team's period that ended last before an instant, for the same reason; what is void does not count.

select public_id
from invoice
where
    team_id = %(team_id)s and reason = %(reason)s and status <> 'void' and period_to <= %(before)s
order by period_to desc, id desc
limit 1
