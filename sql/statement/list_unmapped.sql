-- What no rule takes, by source, name and reason, after one of them.

select
    u.source, u.name, u.reason, u.detail, u.points, coalesce(nullif(u.unit, ''), d.unit, ''),
    coalesce(d.kind, 'unknown'), coalesce(d.help, ''), u.labels::text, u.first_seen_at, u.last_seen_at
from unmapped as u
left join described as d on u.team_id = d.team_id and u.source = d.source and u.name = d.name
where u.team_id = %(team_id)s
    and (u.source, u.name, u.reason) > (%(after_source)s, %(after_name)s, %(after_reason)s)
order by u.source, u.name, u.reason
limit %(rows)s
