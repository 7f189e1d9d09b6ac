-- The number of an invoice; a draft has none.

select number from invoice
where id = %(invoice_id)s
