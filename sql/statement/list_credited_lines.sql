-- The lines of an invoice in their order, as far as credit notes ask: their taxes by rate, and what of them was credited
-- so far, in all and of each member.

select
    l.settled -> 'taxes' as taxes, coalesce(c.net, 0) as net, coalesce(c.total, 0) as total,
    coalesce(s.members, '[]') as members
from invoice_line as l
left join lateral (
    select sum(x.net) as net, sum(x.total) as total
    from credit_note_line as x
    where x.invoice_line_id = l.id
) as c on true
left join lateral (
    select jsonb_agg(jsonb_build_array(g.user_id, g.amount::text)) as members
    from (
        select m.user_id, sum(h.amount) as amount
        from credit_note_line as x
        inner join credit_note_share as h on x.id = h.line_id
        left join member as m on h.member_id = m.id
        where x.invoice_line_id = l.id
        group by m.user_id
    ) as g
) as s on true
where l.invoice_id = %(invoice_id)s
order by l.position
