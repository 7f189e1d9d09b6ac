-- Revokes all keys of a team.

update api_key set revoked_at = %(now)s, version = version + 1
where team_id = %(team_id)s and revoked_at is null
