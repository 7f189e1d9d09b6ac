-- Public ids of a team's series.

select identity from series where team_id = %(team_id)s order by id
