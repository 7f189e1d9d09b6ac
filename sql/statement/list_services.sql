-- The services of a team, by name.

select slug, created_at
from service
where team_id = %(team_id)s and (%(after)s::text is null or slug > %(after)s)
order by slug
limit %(rows)s
