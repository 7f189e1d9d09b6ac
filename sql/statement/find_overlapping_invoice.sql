-- An invoice of the team that bills part of this period already, drafts only where asked for; the one of exactly this
-- period first.

select public_id, number, period_from, period_to, id, status = 'draft' as is_draft
from invoice
where team_id = %(team_id)s
    and reason = %(reason)s
    and status <> 'void'
    and (%(drafts)s or status <> 'draft')
    and period_from < %(period_to)s
    and period_to > %(period_from)s
order by period_from = %(period_from)s and period_to = %(period_to)s desc, id
limit 1
