-- Gives a key one more secret.

with raised as (
    update api_key set version = version + 1
    where id = %(id)s
    returning id
)

insert into api_key_secret (key_id, prefix, secret_hash, created_at)
select id, %(prefix)s, %(secret_hash)s, %(now)s
from raised
