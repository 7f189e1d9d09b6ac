-- Who signed in with the cookie of this hash? Nobody once it has expired or its key is revoked.

select
    k.id,
    k.public_id,
    k.scopes,
    k.kind,
    k.last_used_at,
    k.prefix,
    null::text as role,
    t.id,
    t.public_id,
    t.name,
    t.timezone,
    t.currency,
    t.billing_email,
    t.created_at
from session as s
inner join api_key as k on s.key_id = k.id
left join team as t on k.team_id = t.id
where s.token_hash = %(token_hash)s and s.expires_at > %(now)s and k.revoked_at is null
