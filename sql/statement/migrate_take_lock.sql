-- One migrate at a time per database; kept until released or the session ends.

select pg_advisory_lock(hashtext('hourmeter.migrate'))
