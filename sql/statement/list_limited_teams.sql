-- Of some teams those that have budgets or counters; and every team of which a sliding window holds what came unasked.

select t.id, t.public_id, t.name, t.timezone, t.currency, t.billing_email, t.created_at, t.version, t.deleted_at
from team as t
where (t.id = any(%(teams)s::bigint []) and (
        exists (select from counter as c where c.team_id = t.id)
        or exists (select from budget as b where b.team_id = t.id and b.ended_at is null)
    ))
    or t.id in (
        select c.team_id
        from budget as b
        inner join counter as c on b.team_id = c.team_id and b.id = c.budget_id and c.starts_at = %(head)s
        where b.seconds is not null and b.ended_at is null and c.ingested <> 0
    )
order by t.id
