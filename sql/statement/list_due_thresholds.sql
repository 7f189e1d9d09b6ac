-- Teams with a threshold that have something to look at until an instant, who waits longest first. A team whose data did
-- not change since three looks has not: the last one saw all of it, even what was told of a quarter ahead.

select
    t.id, t.public_id, t.name, t.timezone, t.currency, t.billing_email, t.created_at, t.version, t.deleted_at,
    b.amount, b.recurring, b.version as threshold_version, b.changed_at, w.as_of
from billing_threshold as b
inner join team as t on b.team_id = t.id
cross join lateral (select max(m.as_of) as as_of from watermark as m where m.team_id = b.team_id) as w
where b.amount is not null
    and t.deleted_at is null
    and (b.looked_until is null or b.looked_until < %(until)s)
    and (b.looks < 3 or w.as_of is distinct from b.looked_as_of)
order by b.looked_until asc nulls first, b.team_id asc
limit %(rows)s
