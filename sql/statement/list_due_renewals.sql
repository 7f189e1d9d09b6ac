-- The grant of each account (of some, or of all after one) that is due first to be renewed, when, and how.

select distinct on (g.account_id)
    g.account_id,
    g.id as grant_id,
    g.public_id,
    g.description,
    r.zone,
    r.next_at,
    r.amount,
    r.every,
    r.anchor,
    g.effective_at,
    least(g.expires_at, g.voided_at, r.ended_at) as ends_at,
    r.times,
    r.keep_least,
    r.keep_most
from grant_recurrence as r
inner join credit_grant as g on r.grant_id = g.id
inner join account as a on g.account_id = a.id
inner join team as t on a.team_id = t.id
where r.next_at <= %(now)s
    and t.deleted_at is null
    and g.account_id > %(after)s
    and (%(accounts)s::bigint [] is null or g.account_id = any(%(accounts)s))
order by g.account_id, r.next_at, g.id
limit %(rows)s
