-- Teams that are to be looked at, who waits longest first: each with since when, and how far ahead.

select
    t.id, t.public_id, t.name, t.timezone, t.currency, t.billing_email, t.created_at, t.version, t.deleted_at,
    w.since, w.ahead, w.failures
from billing_watch as w
inner join team as t on w.team_id = t.id
where w.next_at <= %(now)s
order by w.next_at, w.team_id
limit %(rows)s
