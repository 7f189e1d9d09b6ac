-- Which credit notes took back how much of an invoice, in their order.

select public_id, number, total, issued_at from credit_note
where invoice_id = %(invoice_id)s
order by position
