-- Stores a key by its hash; nothing comes back when that hash is stored already.

insert into api_key (public_id, team_id, name, prefix, secret_hash, scopes, kind, created_at)
values (
    %(public_id)s, %(team_id)s, %(name)s, %(prefix)s, %(secret_hash)s, %(scopes)s::text [], %(kind)s, %(created_at)s
)
on conflict (secret_hash) do nothing
returning id
