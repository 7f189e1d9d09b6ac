-- Revokes a key with all its secrets; one that was revoked before keeps its time.

update api_key set revoked_at = %(now)s, version = version + 1
where id = %(id)s and revoked_at is null
