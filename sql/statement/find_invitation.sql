-- The invitation whose token has this hash, if it can be accepted now, and the team it leads to.

select
    i.public_id,
    t.id,
    t.public_id,
    t.name,
    t.timezone,
    t.currency,
    t.billing_email,
    t.created_at,
    t.version
from invitation as i
inner join team as t on i.team_id = t.id and t.deleted_at is null
where i.token_hash = %(token_hash)s
    and i.accepted_at is null
    and i.revoked_at is null
    and i.expires_at > %(now)s
