-- Who signed in with the cookie of this hash? Nobody once it, its key or the secret it was made with has ended.

select
    k.id,
    k.public_id,
    k.scopes,
    k.kind,
    s.id as secret_id,
    s.last_used_at,
    s.prefix,
    null::text as role,
    t.id,
    t.public_id,
    t.name,
    t.timezone,
    t.currency,
    t.billing_email,
    t.created_at,
    t.version,
    t.deleted_at
from session as e
inner join api_key_secret as s on e.secret_id = s.id
inner join api_key as k on s.key_id = k.id
left join team as t on k.team_id = t.id
where e.token_hash = %(token_hash)s
    and e.expires_at > %(now)s
    and k.revoked_at is null
    and t.deleted_at is null
    and (k.expires_at is null or k.expires_at > %(now)s)
    and (s.expires_at is null or s.expires_at > %(now)s)
