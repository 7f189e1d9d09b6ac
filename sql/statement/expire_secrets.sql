-- Lets the secrets of a key end at an instant, unless they end before.

update api_key_secret set expires_at = least(expires_at, %(until)s)
where key_id = %(id)s and (expires_at is null or expires_at > %(until)s)
