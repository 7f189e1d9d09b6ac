-- Each transaction of the ledger goes on from the balance that the one before it left.

with run as (
    select
        t.*,
        lag(t.balance_after, 1, 0::numeric) over (partition by t.account_id order by t.id) as balance_before
    from ledger_transaction as t
)

select
    r.public_id as transaction_id,
    r.kind,
    r.balance_before,
    r.amount,
    r.balance_after
from run as r
where r.balance_after <> r.balance_before + r.amount
order by r.id
limit 100
