-- Which streams that say now since when they count are ones that did not say so before, and went on after that start.

select w.identity
from unnest(
    %(identities)s::uuid [], %(bare)s::uuid [], %(started)s::timestamptz []
) as w (identity, bare, started_at)
inner join stream as b on b.team_id = %(team_id)s and w.bare = b.identity
inner join stream_head as h on b.id = h.stream_id
where h.last_time >= w.started_at
    and not exists (select from stream as s where s.team_id = %(team_id)s and s.identity = w.identity)
