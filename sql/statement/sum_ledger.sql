-- What was booked on an account in [from, to), by kind.

select
    t.kind,
    count(*) as transactions,
    sum(t.amount) as amount
from ledger_transaction as t
where t.account_id = %(account_id)s and t.at >= %(since)s and t.at < %(until)s
group by t.kind
order by t.kind
