-- What is booked for an invoice and was not taken back, with whose account it is on, the last first.

select
    t.public_id,
    a.key_id,
    t.kind,
    t.amount,
    t.source
from ledger_transaction as t
inner join account as a on t.account_id = a.id
left join ledger_transaction as r on t.id = r.reverses
where a.team_id = %(team_id)s
    and t.source = any(%(sources)s::text [])
    and r.id is null
order by t.id desc
