-- What was decided about a team's subscription, the last decided first, from before one of them.

select
    id, effective_at, decision::text as decision, decided_at, decided_by, withdrawn_at, withdrawn_by
from subscription_change
where team_id = %(team_id)s and (%(before)s::bigint is null or id < %(before)s)
order by id desc
limit %(rows)s
