-- How some accounts stand, each held until the end of the transaction, in the one order in which everybody locks them.

select s.account_id, s.balance, s.reserved, s.spent, s.owed, s.told
from account_standing as s
where s.account_id = any(%(accounts)s::bigint [])
order by s.account_id
for update
