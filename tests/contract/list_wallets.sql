-- How do accounts stand?

select balance, reserved, owed
from account_standing
order by account_id
