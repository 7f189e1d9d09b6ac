-- The files of the archive: of a team or (null) of all, of weeks that touch a range, newest first.

select t.id as team_id, t.public_id, f.week, f.path, f.rows, f.bytes, f.sha256, f.written_at
from archive_file as f
inner join team as t on f.team_id = t.id
where (%(team_id)s::bigint is null or f.team_id = %(team_id)s)
    and (%(since)s::timestamptz is null or f.week > %(since)s::timestamptz - interval '7 days')
    and (%(until)s::timestamptz is null or f.week < %(until)s)
order by f.week desc, t.id asc
