-- One at a time changes what becomes of an invoice: its id, team and status, held until the transaction ends.

select id, team_id, status
from invoice
where public_id = %(public_id)s and (%(team_id)s::bigint is null or team_id = %(team_id)s)
for update
