-- The balance of an account at an instant: what stands now, less what was booked for later.

select s.balance - coalesce((
    select sum(t.amount) from ledger_transaction as t
    where t.account_id = s.account_id and t.at > %(at)s
), 0) as balance
from account_standing as s
where s.account_id = %(account_id)s
