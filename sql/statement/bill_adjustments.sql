-- Says on which invoice differences are.

update adjustment set billed_on = %(invoice_id)s
where id = any(%(ids)s) and billed_on is null
