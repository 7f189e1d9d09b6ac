-- Lets nobody write usage until this transaction ends; waits for those who do.

select pg_advisory_xact_lock(hashtext('hourmeter.floor'))
