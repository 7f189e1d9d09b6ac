-- What usage took of some accounts since an instant, in their units: for a price in a period where the deduction says so,
-- else for a meter in one of the parts of time between cuts. What was reversed is taken nevertheless: it is due no second
-- time.

select
    t.account_id,
    t.metadata ->> 'price' as price,
    (t.metadata ->> 'from')::timestamptz as starts_at,
    t.meter,
    width_bucket((t.metadata ->> 'at')::timestamptz, %(cuts)s::timestamptz []) as part,
    -sum(t.amount) as taken
from ledger_transaction as t
where t.account_id = any(%(accounts)s::bigint []) and t.at >= %(since)s and t.kind = 'usage_deduction'
group by 1, 2, 3, 4, 5
