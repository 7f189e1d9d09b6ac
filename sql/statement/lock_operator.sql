-- Makes two services that start at once take turns in deciding whether an operator key is missing.

select pg_advisory_xact_lock(hashtext('hourmeter.operator'))
