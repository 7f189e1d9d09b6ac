-- Says until when an invoice is a draft; null until somebody makes it final.

update invoice set finalise_at = %(finalise_at)s where id = %(invoice_id)s
