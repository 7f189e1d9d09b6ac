-- One correction of a team at a time, and none while late points revise its usage.

select pg_advisory_xact_lock(hashtextextended('hourmeter.corrections', %(team_id)s))
