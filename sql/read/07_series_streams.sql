-- Streams by the series that they count to, or did, and by which recipe.

create view series_streams as
select
    s.team_id,
    r.series_id,
    r.id as reading_id,
    s.id as stream_id,
    s.identity as stream,
    s.source,
    s.name,
    s.field,
    s.kind,
    s.unit,
    s.labels,
    s.started_at,
    h.last_time,
    h.closed
from reading as r
inner join stream as s on r.stream_id = s.id
inner join stream_head as h on s.id = h.stream_id;
