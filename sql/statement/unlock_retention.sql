-- Lets the next one drop.

select pg_advisory_unlock(hashtext('hourmeter.retention'))
