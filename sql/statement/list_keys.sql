-- The keys of a team, or of the operator (null), oldest first, revoked ones too, with the secrets that open them at `now`
-- but for the secrets themselves. With `one` that one alone.

select
    k.public_id,
    (select n.prefix from api_key_secret as n where n.key_id = k.id order by n.id desc limit 1) as prefix,
    k.name,
    k.scopes,
    k.kind,
    k.created_at,
    (select max(u.last_used_at) from api_key_secret as u where u.key_id = k.id) as last_used_at,
    k.revoked_at,
    k.expires_at,
    k.version,
    (
        select
            coalesce(
                json_agg(json_build_array(s.prefix, s.created_at, s.expires_at, s.last_used_at) order by s.id), '[]'
            )
        from api_key_secret as s
        where s.key_id = k.id
            and (s.expires_at is null or s.expires_at > %(now)s)
            and (k.expires_at is null or k.expires_at > %(now)s)
            and k.revoked_at is null
    ) as secrets
from api_key as k
where (k.team_id = %(team_id)s or (%(team_id)s::bigint is null and k.team_id is null))
    and (%(after)s::uuid is null or k.public_id > %(after)s)
    and (%(one)s::uuid is null or k.public_id = %(one)s)
order by k.public_id
limit %(rows)s
