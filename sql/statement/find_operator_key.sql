-- Is there an operator key, but for the one named, that nobody revoked and that never expires?

select exists(
    select
    from api_key as k
    inner join api_key_secret as s on k.id = s.key_id
    where k.team_id is null
        and k.revoked_at is null
        and k.expires_at is null
        and s.expires_at is null
        and (%(but)s::uuid is null or k.public_id <> %(but)s)
)
