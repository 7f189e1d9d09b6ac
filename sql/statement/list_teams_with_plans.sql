-- Teams that have or had a plan, deleted ones too: by id, from one on.

select t.id, t.public_id, t.name, t.timezone, t.currency, t.billing_email, t.created_at, t.version, t.deleted_at
from team as t
inner join subscription as s on t.id = s.team_id
where t.id > %(after)s
order by t.id
limit %(rows)s
