-- When did this team's data last change?

select as_of from watermark where team_id = %(team_id)s
