-- Says what became of an invoice, when and why.

update invoice
set status = %(status)s, closed_at = %(now)s, closed_note = %(note)s
where id = %(invoice_id)s
