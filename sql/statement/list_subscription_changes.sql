-- What was decided about a team's subscription, in the order in which it takes effect.

select
    subscription_id, id, effective_at, decision::text as decision, decided_at, decided_by, withdrawn_at
from subscription_change
where team_id = %(team_id)s
order by effective_at, id
