-- When were these meters of a team or the catalogue made, and last changed, as far as the team's log has it?

select m.slug, m.created_at, coalesce(max(a.at), m.archived_at, m.created_at) as changed_at
from meter as m
left join audit_entry as a on m.team_id = a.team_id and a.subject = 'meter:' || m.slug
where m.slug = any(%(slugs)s) and (m.team_id is null or m.team_id = %(team_id)s)
group by m.id
