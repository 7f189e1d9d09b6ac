-- Makes the streams that are missing.

insert into stream (team_id, identity, source, name, field, kind, unit, labels, started_at)
select %(team_id)s, w.identity, %(source)s, w.name, w.field, w.kind, w.unit, w.labels, w.started_at
from unnest(
    %(identities)s::uuid [], %(names)s::text [], %(fields)s::text [], %(kinds)s::text [], %(units)s::text [],
    %(labels)s::jsonb [], %(started)s::timestamptz []
) as w (identity, name, field, kind, unit, labels, started_at)
order by w.identity
on conflict do nothing
