-- Every team that has counters.

select t.id, t.public_id, t.name, t.timezone, t.currency, t.billing_email, t.created_at, t.version, t.deleted_at
from team as t
where exists (select from counter as c where c.team_id = t.id)
order by t.id
