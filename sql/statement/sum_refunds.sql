-- How much of a grant was refunded.

select coalesce(-sum(p.amount), 0) as refunded
from posting as p
inner join ledger_transaction as t on p.transaction_id = t.id
where p.grant_id = %(grant_id)s and t.kind = 'refund'
