-- Every invoice adds up to the cent: its lines, after coupons and taxes, to the total, each line's shares to the line, its
-- members to the total.

select i.public_id, i.number, i.total, l.lines, m.members
from invoice as i
left join (
    select x.invoice_id, sum(coalesce(x.total, x.amount)) as lines, bool_and(x.amount = s.shares) as each
    from invoice_line as x
    left join (select line_id, sum(amount) as shares from invoice_share group by line_id) as s on x.id = s.line_id
    group by x.invoice_id
) as l on i.id = l.invoice_id
left join (
    select invoice_id, sum(amount) as members from invoice_member group by invoice_id
) as m on i.id = m.invoice_id
where i.total <> coalesce(l.lines, 0) or i.total <> coalesce(m.members, 0) or l.each is not true and l.lines is not null
limit 20
