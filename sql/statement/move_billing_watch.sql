-- Says until when a team is billed, and whose fees ahead; when it is looked at next, and what went wrong if anything did.

update billing_watch
set since = %(since)s, ahead = %(ahead)s, next_at = %(next_at)s, failures = %(failures)s, why = %(why)s
where team_id = %(team_id)s
