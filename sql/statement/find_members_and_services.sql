-- The ids of a team's members and services by their names; removed members are there, too.

select 'member' as kind, m.user_id as name, m.id
from member as m
where m.team_id = %(team_id)s and m.user_id = any(%(user_ids)s::text [])
union all
select 'service', s.slug, s.id
from service as s
where s.team_id = %(team_id)s and s.slug = any(%(slugs)s::text [])
