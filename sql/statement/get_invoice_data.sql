-- Which data an invoice was made from.

select i.data_snapshot::text as data_snapshot, i.created_at, i.status
from invoice as i
where i.id = %(invoice_id)s
