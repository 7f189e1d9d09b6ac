-- What usage took of a team's accounts, in the order of booking: for which meter, and what is said of it.

select t.meter, t.metadata
from ledger_transaction as t
inner join account as a on t.account_id = a.id
where a.team_id = %(team_id)s and t.kind = 'usage_deduction'
order by t.id
