-- Writes down a backfill: of which usage a source speaks, in which mode, who asked for it and why.

insert into backfill (
    public_id, team_id, mode, since, until, meters, filters, reason, at, actor, key_id, internal, key_prefix, member,
    request_id, state, changed_at
)
values (
    %(public_id)s, %(team_id)s, %(mode)s, %(since)s, %(until)s, %(meters)s, %(filters)s, %(reason)s, %(at)s, %(actor)s,
    %(key_id)s, %(internal)s, %(key_prefix)s, %(member)s, %(request_id)s, 'staged', %(at)s
)
