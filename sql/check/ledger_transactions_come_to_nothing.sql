-- The postings of each transaction of the ledger are on its account and come to nothing, and those of the wallet come to
-- the transaction's amount.

select
    t.public_id as transaction_id,
    t.kind,
    t.amount,
    coalesce(sum(p.amount), 0) as difference
from ledger_transaction as t
left join posting as p on t.id = p.transaction_id
group by t.id, t.public_id, t.kind, t.amount
having coalesce(sum(p.amount), 0) <> 0
    or coalesce(sum(p.amount) filter (where p.side = 'customer'), 0) <> t.amount
    or coalesce(bool_or(p.account_id <> t.account_id), false)
order by t.id
limit 100
