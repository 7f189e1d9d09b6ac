-- Whether nobody paid anything of an invoice but the team's account, and that all of it: such a one may be void.

select is_paid_from_account(i.id, i.total)
from invoice as i
where i.id = %(invoice_id)s
