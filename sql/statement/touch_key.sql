-- Remembers that a secret was used, unless it was remembered since `before`.

update api_key_secret set last_used_at = %(now)s
where id = %(secret_id)s and (last_used_at is null or last_used_at < %(before)s)
