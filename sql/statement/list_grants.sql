-- The grants of an account with what is left of them, the last given first: all, one, or those where anything is left.

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
    s.reserved
from credit_grant as g
inner join grant_standing as s on g.id = s.grant_id
where g.account_id = %(account_id)s
    and (%(public_id)s::uuid is null or g.public_id = %(public_id)s)
    and (not %(standing)s or s.standing)
    and (%(before)s::bigint is null or g.id < %(before)s)
order by g.id desc
limit %(rows)s
