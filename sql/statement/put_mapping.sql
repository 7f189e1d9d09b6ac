-- Makes this the mapping of a team.

insert into mapping as m (team_id, document, version, changed_at)
values (%(team_id)s, %(document)s, 2, %(now)s)
on conflict (team_id) do update
set document = excluded.document, version = m.version + 1, changed_at = excluded.changed_at
returning version
