-- Writes what of which line of the invoice a credit note takes back; numbers come as text.

insert into credit_note_line (credit_note_id, invoice_line_id, net, tax, total, taxes)
select
    %(credit_note_id)s, i.id, (l.line ->> 'net')::numeric, (l.line ->> 'tax')::numeric, (l.line ->> 'total')::numeric,
    l.line -> 'taxes'
from json_array_elements(%(lines)s::json) as l (line)
inner join invoice_line as i on i.invoice_id = %(invoice_id)s and i.position = (l.line ->> 'line')::integer
order by i.position
