-- Is there an operator key that is not revoked?

select exists(select from api_key where team_id is null and revoked_at is null)
