-- What a job has to look at, who waits longest first: the team, the subject, and of which data its result is.

select
    t.id, t.public_id, t.name, t.timezone, t.currency, t.billing_email, t.created_at, t.version, t.deleted_at,
    r.subject, r.as_of, r.made_at, w.as_of as changed_at
from result as r
inner join team as t on r.team_id = t.id
left join watermark as w on r.team_id = w.team_id
where r.job = %(job)s and r.due_at <= %(now)s and t.deleted_at is null
order by r.due_at, r.team_id, r.subject
limit %(rows)s
