-- Drafts whose time is over, the oldest first: of which team, for which period, why.

select i.id, i.public_id, t.public_id as team, i.period_from, i.period_to, i.zone, i.anchor_day, i.reason
from invoice as i
inner join team as t on i.team_id = t.id
where i.status = 'draft' and i.finalise_at <= %(now)s
order by i.finalise_at, i.id
limit %(rows)s
