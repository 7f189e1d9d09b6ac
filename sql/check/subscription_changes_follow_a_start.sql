-- Whatever was decided about a subscription and stands comes after its start.

select c.team_id, c.id, c.effective_at, c.decision ->> 'type' as decision
from subscription_change as c
where c.withdrawn_at is null
    and c.decision ->> 'type' <> 'start'
    and not exists (
        select from subscription_change as s
        where s.subscription_id = c.subscription_id
            and s.withdrawn_at is null
            and s.decision ->> 'type' = 'start'
            and (s.effective_at, s.id) < (c.effective_at, c.id)
    )
limit 20
