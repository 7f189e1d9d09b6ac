-- Until when a team is billed: the end of its last invoice for a period. Nothing before that changes.

select max(period_to)
from invoice
where team_id = %(team_id)s and reason = 'period' and status not in ('draft', 'void')
