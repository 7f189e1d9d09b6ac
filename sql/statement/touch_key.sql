-- Remembers that a key was used, unless it was remembered since `before`.

update api_key set last_used_at = %(now)s
where id = %(key_id)s and (last_used_at is null or last_used_at < %(before)s)
