-- Keeps corrections of a team waiting until this transaction ends: it takes usage back that might be corrected.

select pg_advisory_xact_lock_shared(hashtextextended('hourmeter.corrections', %(team_id)s))
