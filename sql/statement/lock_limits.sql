-- One at a time follows the usage of a team into its counters: what was read later is written later. Held by the session.

select pg_advisory_lock(hashtextextended('hourmeter.limits', %(team_id)s))
