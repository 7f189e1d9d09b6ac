-- Takes a draft away, whose parts are gone.

delete from invoice where id = %(invoice_id)s and status = 'draft'
