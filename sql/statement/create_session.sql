-- Remembers a sign-in by its cookie's hash, with the newest secret of that prefix.

insert into session (token_hash, secret_id, created_at, expires_at)
select %(token_hash)s, max(id), %(now)s, %(expires_at)s
from api_key_secret
where key_id = %(key_id)s and prefix = %(prefix)s
