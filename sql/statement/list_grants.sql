-- The grants of an account with what is left of them and how they come again, the last given first: all, one, or those
-- where anything is left or will be.

select
    g.id,
    g.public_id,
    g.account_id,
    g.kind,
    g.priority,
    g.amount,
    g.paid,
    g.effective_at,
    g.expires_at,
    g.meters,
    g.description,
    g.created_at,
    g.voided_at,
    s.remaining,
    s.reserved,
    r.every,
    r.times,
    r.zone,
    r.anchor,
    r.amount as renewed_amount,
    r.keep_least,
    r.keep_most,
    r.next_at,
    r.ended_at
from credit_grant as g
inner join grant_standing as s on g.id = s.grant_id
left join grant_recurrence as r on g.id = r.grant_id
where g.account_id = %(account_id)s
    and (%(public_id)s::uuid is null or g.public_id = %(public_id)s)
    and (not %(standing)s or s.standing or r.next_at is not null)
    and (%(before)s::bigint is null or g.id < %(before)s)
order by g.id desc
limit %(rows)s
