-- The lines of a credit note in the order of the invoice, each with whose it is.

select
    l.position, l.description, c.net, c.tax, c.total, c.taxes,
    (
        select jsonb_agg(jsonb_build_array(m.user_id, s.amount::text) order by m.user_id collate "C" nulls last)
        from credit_note_share as s
        left join member as m on s.member_id = m.id
        where s.line_id = c.id
    ) as members
from credit_note_line as c
inner join invoice_line as l on c.invoice_line_id = l.id
where c.credit_note_id = %(credit_note_id)s
order by l.position
