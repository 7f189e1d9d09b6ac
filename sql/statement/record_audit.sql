-- Writes down who did what.

insert into audit_entry (
    public_id, team_id, at, actor, key_id, key_prefix, member, request_id, action, subject, before, after
)
values (
    %(public_id)s, %(team_id)s, %(at)s, %(kind)s, %(key_id)s, %(key_prefix)s, %(member)s, %(request_id)s, %(action)s,
    %(subject)s, %(before)s::jsonb, %(after)s::jsonb
)
