-- Whose key has this hash, what may it do, and which team does it belong to? A revoked key is nobody's.

select
    k.id,
    k.public_id,
    k.scopes,
    k.kind,
    k.last_used_at,
    t.id,
    t.public_id,
    t.name,
    t.timezone,
    t.currency,
    t.billing_email,
    t.created_at
from api_key as k
left join team as t on k.team_id = t.id
where k.secret_hash = %(secret_hash)s and k.revoked_at is null
