-- Forgets results that nobody renews: last made (or due, where they never were) before an instant, of a team that is deleted,
-- or of a meter that is archived; some at a time.

delete from result as d
using (
    select r.team_id, r.job, r.subject
    from result as r
    inner join team as t on r.team_id = t.id
    where coalesce(r.made_at, r.due_at) < %(before)s
        or t.deleted_at is not null
        or exists (
            select from meter as m
            where m.slug = r.subject and m.archived_at is not null and (m.team_id is null or m.team_id = r.team_id)
        )
    limit %(most)s
) as g
where d.team_id = g.team_id and d.job = g.job and d.subject = g.subject
