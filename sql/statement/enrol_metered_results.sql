-- Lets a job look at each meter that a team has usage of, that adds up and that is not archived, as far as it does not yet; so
-- many at once. Sets are compared whole: to look each up, or to join on the team alone, takes two to four times as long.

insert into result (team_id, job, subject, due_at)
select n.team_id, %(job)s, n.slug, %(now)s::timestamptz
from (
    select u.team_id, m.slug
    from (select distinct team_id, meter_id from series) as u
    inner join meter as m on u.meter_id = m.id
    inner join team as t on u.team_id = t.id
    where m.archived_at is null and m.aggregation in ('sum', 'count', 'time_weighted') and t.deleted_at is null
    except
    select r.team_id, r.subject from result as r
    where r.job = %(job)s
    limit %(most)s
) as n
on conflict do nothing
