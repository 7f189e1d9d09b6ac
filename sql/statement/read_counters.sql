-- The counters of a team that say what came without asking: those named, those never followed, and those that touched time
-- could change: where the window meets it, and every later one of money, as prices go by what was used before; heads as
-- long as they hold any.

select
    c.id, c.budget_id, c.price, c.member_id, c.service_id, c.key_id, c.meter, c.starts_at, c.ends_at, c.settled,
    c.ingested
from counter as c
left join budget as b on c.budget_id = b.id
where c.team_id = %(team_id)s and b.ended_at is null and (c.budget_id = 0 or b.measure <> 'calls')
    and (b.seconds is null or (b.seconds >= %(least_seconds)s and c.starts_at = %(head)s))
    and (
        c.id = any(%(ids)s::bigint [])
        or c.followed_at is null
        or (c.ends_at > %(since)s and (c.starts_at < %(until)s or b.measure = 'money'))
        or (b.seconds is not null and c.ingested <> 0)
    )
order by c.id
