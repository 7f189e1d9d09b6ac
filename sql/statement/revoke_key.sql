-- Revokes a key of a team; one that was revoked before keeps its time. Nothing comes back where there is no such key.

update api_key set revoked_at = coalesce(revoked_at, %(now)s)
where team_id = %(team_id)s and public_id = %(public_id)s
returning revoked_at
