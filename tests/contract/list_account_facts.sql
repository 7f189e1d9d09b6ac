-- What was told of an account, the first first.

select f.kind
from account_fact as f
where f.account_id = %(account_id)s
order by f.id
