-- Open invoices that were mailed, ask for money, and are due for longer than a step of `steps` (days, ascending) without
-- having been told so: the last step that is over, no earlier one after it.

select i.id, i.team_id, s.step
from invoice as i
cross join lateral (
    select max(d.position) as step
    from unnest(%(steps)s::integer []) with ordinality as d (days, position)
    where i.due_at + d.days * interval '24 hours' <= %(now)s
) as s
where i.status = 'open'
    and i.due_at <= %(now)s
    and s.step is not null
    and i.total > (select coalesce(sum(x.amount), 0) from invoice_settlement as x where x.invoice_id = i.id)
    and exists (select from mail as m where m.invoice_id = i.id and m.kind = 'invoice' and m.state = 'sent')
    and not exists (
        select from mail as m
        where m.invoice_id = i.id and m.kind like 'overdue_%%'
            and substring(m.kind from 9)::integer >= s.step
    )
order by i.id
limit %(most)s
