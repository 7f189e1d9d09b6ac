-- Revokes an invitation of a team, or (null) all of its that nobody accepted.

update invitation set revoked_at = %(now)s
where team_id = %(team_id)s
    and (%(one)s::uuid is null or public_id = %(one)s)
    and accepted_at is null
    and revoked_at is null
