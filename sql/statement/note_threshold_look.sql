-- Notes until when a team's threshold was looked at, by which data, and why it could not be billed; unless it was changed
-- meanwhile.

update billing_threshold
set
    looked_until = %(until)s,
    looks = case when looked_as_of is not distinct from %(as_of)s then looks + 1 else 1 end,
    looked_as_of = %(as_of)s,
    why = %(why)s
where team_id = %(team_id)s and version = %(version)s
