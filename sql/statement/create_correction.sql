-- Writes down who corrects what and why.

insert into correction (
    public_id, team_id, kind, reason, undoes, at, actor, key_id, key_prefix, member, request_id, events
)
values (
    %(public_id)s, %(team_id)s, %(kind)s, %(reason)s, %(undoes)s, %(at)s, %(actor)s, %(key_id)s, %(key_prefix)s,
    %(member)s, %(request_id)s, %(events)s
)
returning id
