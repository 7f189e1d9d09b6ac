-- Bounds the time of this transaction's statements: a check must never hurt what it looks at.

select set_config('statement_timeout', %(limit)s, true)
