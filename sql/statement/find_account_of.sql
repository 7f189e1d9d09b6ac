-- On which account of a team a transaction or a grant is.

select t.account_id
from ledger_transaction as t
inner join account as a on t.account_id = a.id
where a.team_id = %(team_id)s and t.public_id = %(public_id)s
union all
select g.account_id
from credit_grant as g
inner join account as a on g.account_id = a.id
where a.team_id = %(team_id)s and g.public_id = %(public_id)s
