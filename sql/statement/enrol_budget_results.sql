-- Lets a job look at each budget that holds and whose window is long enough to be forecast, as far as it does not yet.

insert into result (team_id, job, subject, due_at)
select b.team_id, %(job)s, b.public_id::text, %(now)s::timestamptz
from budget as b
inner join team as t on b.team_id = t.id
where b.ended_at is null
    and t.deleted_at is null
    and b.measure <> 'calls'
    and b.span <> 'hour'
    and (b.seconds is null or b.seconds >= %(shortest)s)
    and not exists (
        select from result as r where r.team_id = b.team_id and r.job = %(job)s and r.subject = b.public_id::text
    )
on conflict do nothing
