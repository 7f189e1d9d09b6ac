-- For how long this transaction waits for a lock: while it does, whoever comes later waits behind it.

select set_config('lock_timeout', '200ms', true)
