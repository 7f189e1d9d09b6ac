-- One at a time changes what a team pays by or is billed; ingest does not wait for this.

select id from team where id = %(team_id)s for no key update
