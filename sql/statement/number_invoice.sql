-- Gives a draft the next number and makes it final. The counter stays locked until commit: no number is lost or doubled.

with taken as (
    update invoice_counter set last = last + 1
    returning last
)

update invoice set
    position = taken.last,
    number = 'HM-' || lpad(taken.last::text, greatest(6, length(taken.last::text)), '0'),
    status = 'open',
    issued_at = %(now)s,
    due_at = %(due_at)s
from taken
where invoice.id = %(invoice_id)s
