-- One at a time drops; true for the one that may go on.

select pg_try_advisory_lock(hashtext('hourmeter.retention'))
