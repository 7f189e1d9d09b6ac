-- What of an invoice was settled, in the order in which it was.

select kind, amount, description, source, created_at from invoice_settlement
where invoice_id = %(invoice_id)s
order by id
