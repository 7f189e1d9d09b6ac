-- Both sides of a transaction of the ledger.

select p.side, p.grant_id, p.meter, p.amount
from posting as p
where p.transaction_id = %(transaction_id)s
order by p.position
