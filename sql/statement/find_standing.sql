-- How an account stands, as lock_wallets tells it, for somebody who only looks.

select s.account_id, s.balance, s.reserved, s.spent, s.owed, s.told
from account_standing as s
where s.account_id = %(account_id)s
