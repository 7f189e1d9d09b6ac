-- Teams as a billing run comes to them, by id, from one on: all but those that ended without ever having had a plan; or the
-- one that is named.

select t.id, t.public_id, t.name, t.timezone, t.currency, t.billing_email, t.created_at, t.version, t.deleted_at
from team as t
where t.id > %(after)s
    and (%(one)s::uuid is null or t.public_id = %(one)s)
    and (t.deleted_at is null or exists (select from subscription as s where s.team_id = t.id))
order by t.id
limit %(rows)s
