-- Lists a file of the archive, in place of an earlier one of the same team and week.

insert into archive_file (team_id, week, path, rows, bytes, sha256, written_at)
values (%(team_id)s, %(week)s, %(path)s, %(rows)s, %(bytes)s, %(sha256)s, %(now)s)
on conflict (team_id, week) do update set
path = excluded.path, rows = excluded.rows, bytes = excluded.bytes, sha256 = excluded.sha256,
written_at = excluded.written_at
