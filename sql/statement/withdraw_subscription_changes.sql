-- Withdraws decisions about a team's subscription.

update subscription_change set withdrawn_at = %(now)s, withdrawn_by = %(by)s
where team_id = %(team_id)s and id = any(%(ids)s::bigint []) and withdrawn_at is null
