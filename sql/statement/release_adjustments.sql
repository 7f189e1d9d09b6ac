-- What a void invoice billed of earlier ones waits for another.

update adjustment set billed_on = null
where billed_on = %(invoice_id)s
