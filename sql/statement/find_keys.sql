-- Whose secrets have these hashes, what may they do, which team do they belong to, and what is the member there? One that
-- was revoked or has expired is nobody's. The operator's key, which has no team, acts in the team asked about when it acts
-- for a member; a removed member is nobody, and nobody acts in a deleted team.

select
    p.position,
    k.id,
    k.public_id,
    k.scopes,
    k.kind,
    s.id as secret_id,
    s.last_used_at,
    s.prefix,
    m.role,
    t.id,
    t.public_id,
    t.name,
    t.timezone,
    t.currency,
    t.billing_email,
    t.created_at,
    t.version,
    t.deleted_at
from unnest(
    %(secret_hashes)s::bytea [], %(members)s::text [], %(asked)s::uuid []
) with ordinality as p (secret_hash, user_id, asked, position)
inner join api_key_secret as s on p.secret_hash = s.secret_hash
inner join api_key as k on s.key_id = k.id
left join team as t
    on t.id = coalesce(
        k.team_id,
        (select a.id from team as a where a.public_id = p.asked and a.deleted_at is null and p.user_id is not null)
    )
left join member as m on t.id = m.team_id and p.user_id = m.user_id and m.removed_at is null
where k.revoked_at is null
    and t.deleted_at is null
    and (k.expires_at is null or k.expires_at > %(now)s)
    and (s.expires_at is null or s.expires_at > %(now)s)
