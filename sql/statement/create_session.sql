-- Remembers a sign-in by its cookie's hash.

insert into session (token_hash, key_id, created_at, expires_at)
values (%(token_hash)s, %(key_id)s, %(now)s, %(expires_at)s)
