-- What a team has agreed to for usage that changes after its invoice is final.

select late_usage, version from billing_policy
where team_id = %(team_id)s
