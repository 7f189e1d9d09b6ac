-- What the subject of mail about an invoice is made of: its number and who sells.

select number, seller ->> 'name' as seller
from invoice
where id = %(invoice_id)s
