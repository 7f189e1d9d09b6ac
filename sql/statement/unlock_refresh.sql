-- Lets the next refresher in.

select pg_advisory_unlock(hashtext('hourmeter.refresh'))
