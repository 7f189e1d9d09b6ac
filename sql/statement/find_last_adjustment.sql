-- The number of an invoice's last adjustment, 0 for none, and whether the invoice is void.

select coalesce(max(a.number), 0) as number, bool_or(i.status = 'void') as is_void
from invoice as i
left join adjustment as a on i.id = a.invoice_id
where i.id = %(invoice_id)s
