-- No moment of a team is billed twice: the periods of its invoices that stand do not overlap. What is billed before a
-- period is over is taken off again in the invoice of that period, however it was cut in between.

select a.team_id, a.number, a.period_from, a.period_to, b.number as other, b.period_from as other_from
from invoice as a
inner join invoice as b
    on a.team_id = b.team_id and a.reason = b.reason and a.id < b.id
        and a.period_from < b.period_to and a.period_to > b.period_from
where a.status <> 'void' and b.status <> 'void' and a.reason not in ('advance', 'progressive')
limit 20
