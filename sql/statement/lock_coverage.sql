-- One at a time keeps coverage, until the transaction ends. In a statement of its own: what follows sees what the last did.

select pg_advisory_xact_lock(hashtext('hourmeter.coverage'))
