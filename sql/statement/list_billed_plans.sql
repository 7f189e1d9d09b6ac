-- By which plans of a book which teams were billed for time after an instant, each with the last instant so billed.

select t.public_id, split_part(u.plan, '/', 2) as plan, max(u.until) as until
from (
    select i.team_id, i.plan, i.period_to as until
    from invoice as i
    where i.reason = 'period' and i.status not in ('draft', 'void') and i.period_to > %(since)s
    union all
    select i.team_id, l.plan, coalesce(l.served_to, i.period_to) as until
    from invoice_line as l
    inner join invoice as i on l.invoice_id = i.id
    where i.reason = 'period' and i.status not in ('draft', 'void') and i.period_to > %(since)s and l.plan <> ''
) as u
inner join team as t on u.team_id = t.id
where split_part(u.plan, '/', 1) = %(book)s and u.until > %(since)s
group by t.public_id, u.plan
order by until, t.public_id
