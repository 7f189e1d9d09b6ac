-- Counts what no rule takes, by name; in the order of names, so that two writers wait for each other and never deadlock.

insert into unmapped as u (
    team_id, source, name, reason, detail, points, unit, labels, first_seen_at, last_seen_at
)
select %(team_id)s, %(source)s, w.name, w.reason, w.detail, w.points, w.unit, w.labels, %(now)s, %(now)s
from unnest(
    %(names)s::text [], %(reasons)s::text [], %(details)s::text [], %(points)s::bigint [], %(units)s::text [],
    %(labels)s::jsonb []
) as w (name, reason, detail, points, unit, labels)
order by w.name, w.reason
on conflict (team_id, source, name, reason) do update
set
    points = u.points + excluded.points,
    detail = excluded.detail,
    unit = excluded.unit,
    labels = excluded.labels,
    last_seen_at = excluded.last_seen_at
