-- Was this team ever billed?

select exists(select from invoice where team_id = %(team_id)s)
