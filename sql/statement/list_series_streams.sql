-- What these streams are: as their sender tells them apart.

select distinct stream_id, stream, source, name, field, kind, unit, labels::text, started_at, last_time, closed
from series_streams
where team_id = %(team_id)s and stream_id = any(%(streams)s::bigint [])
