-- Makes the transaction read only and bounds its time: a check must never hurt what it looks at.

select set_config('transaction_read_only', 'on', true), set_config('statement_timeout', %(limit)s, true)
