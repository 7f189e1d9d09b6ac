-- Whose key has this hash, what may it do, which team does it belong to, and what is the member there? A revoked key is
-- nobody's. The operator's key, which has no team, acts in the team asked about when it acts for a member.

select
    k.id,
    k.public_id,
    k.scopes,
    k.kind,
    k.last_used_at,
    k.prefix,
    m.role,
    t.id,
    t.public_id,
    t.name,
    t.timezone,
    t.currency,
    t.billing_email,
    t.created_at
from api_key as k
left join team as t
    on t.id = coalesce(
        k.team_id, (select a.id from team as a where a.public_id = %(asked)s::uuid and %(member)s::text is not null)
    )
left join member as m on t.id = m.team_id and m.user_id = %(member)s::text
where k.secret_hash = %(secret_hash)s and k.revoked_at is null
