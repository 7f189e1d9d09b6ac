-- Which transactions this one sees, and when the team's data last changed.

select pg_current_snapshot()::text, (select w.as_of from watermark as w where w.team_id = %(team_id)s)
