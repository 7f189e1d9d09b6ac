-- Stores a key with its first secret, by its hash; nothing is stored and nothing comes back when that hash is known.

with made as (
    insert into api_key (public_id, team_id, name, scopes, kind, created_at, expires_at)
    select %(public_id)s, %(team_id)s, %(name)s, %(scopes)s::text [], %(kind)s, %(created_at)s, %(expires_at)s
    where not exists (select from api_key_secret where secret_hash = %(secret_hash)s)
    returning id
)

insert into api_key_secret (key_id, prefix, secret_hash, created_at)
select id, %(prefix)s, %(secret_hash)s, %(created_at)s
from made
returning key_id
