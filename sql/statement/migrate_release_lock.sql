-- Lets the next migrate go on.

select pg_advisory_unlock(hashtext('hourmeter.migrate'))
