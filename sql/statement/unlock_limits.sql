-- Lets the next one follow the usage of a team.

select pg_advisory_unlock(hashtextextended('hourmeter.limits', %(team_id)s))
