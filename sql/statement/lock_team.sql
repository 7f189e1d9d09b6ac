-- One at a time changes what a team pays by or is billed; ingest does not wait for this. Its zone, as it stays now.

select timezone from team where id = %(team_id)s for no key update
