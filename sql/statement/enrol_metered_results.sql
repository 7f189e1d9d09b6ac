-- Lets a job look at each meter that a team has usage of and that adds up, as far as it does not yet.

insert into result (team_id, job, subject, due_at)
select distinct s.team_id, %(job)s, m.slug, %(now)s::timestamptz
from series as s
inner join meter as m on s.meter_id = m.id
inner join team as t on s.team_id = t.id
where t.deleted_at is null
    and m.aggregation in ('sum', 'count', 'time_weighted')
    and not exists (
        select from result as r where r.team_id = s.team_id and r.job = %(job)s and r.subject = m.slug
    )
on conflict do nothing
