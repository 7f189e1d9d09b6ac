-- The mapping of a team, its version and when it was made.

select version, document::text, changed_at from mapping where team_id = %(team_id)s
