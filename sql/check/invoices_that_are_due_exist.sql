-- Every invoice that is due exists: none could not be made, and none waits for days to be made final.

select t.public_id as team, w.since, w.failures, w.why
from billing_watch as w
inner join team as t on w.team_id = t.id
where w.failures > 0
union all
select t.public_id as team, i.period_from as since, 0 as failures, 'a draft that was to be final' as why
from invoice as i
inner join team as t on i.team_id = t.id
where i.status = 'draft' and i.finalise_at < now() - interval '2 days'
union all
select t.public_id as team, b.looked_until as since, 1 as failures, b.why
from billing_threshold as b
inner join team as t on b.team_id = t.id
where b.why <> '' and b.amount is not null
limit 20
