-- On which accounts something is to be booked by itself: what is left of a grant that has ended, or what is owed while a
-- grant that may be used has something left.

select distinct s.account_id
from grant_standing as s
inner join credit_grant as g on s.grant_id = g.id
inner join account_standing as a on s.account_id = a.account_id
where s.standing
    and s.remaining > s.reserved
    and (least(g.expires_at, g.voided_at) <= %(now)s or (a.owed <> '{}' and g.effective_at <= %(now)s))
    and s.account_id > %(after)s
order by s.account_id
limit %(rows)s
