-- The lines of an invoice in their order, each with whose it is.

select
    l.kind, l.price, l.description, l.meter, l.measure, l.quantity, l.unit, l.included, l.billed_quantity,
    l.unit_amount, l.per, l.exact, l.amount, l.derivation,
    (
        select jsonb_agg(jsonb_build_array(m.user_id, s.amount::text) order by m.user_id collate "C" nulls last)
        from invoice_share as s
        left join member as m on s.member_id = m.id
        where s.line_id = l.id
    ) as members,
    l.cell, l.category, coalesce(l.gross, l.amount) as gross, l.discounts, l.served_from, l.served_to, l.plan,
    l.price_version, l.settled
from invoice_line as l
where l.invoice_id = %(invoice_id)s
order by l.position
