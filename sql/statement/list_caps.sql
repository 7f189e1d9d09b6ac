-- The daily and monthly budgets of money that hold for all of a team, or for all of one key of it.

select b.public_id, b.name, b.span, b.amount, b.hard
from budget as b
where b.team_id = %(team_id)s
    and b.ended_at is null
    and b.measure = 'money'
    and b.span in ('day', 'month')
    and b.key_id is not distinct from %(key_id)s
    and b.member_id is null
    and b.service_id is null
    and b.meters = '{}'
    and b.each = '{}'
order by b.span, b.amount, b.id
