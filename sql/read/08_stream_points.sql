-- The points of streams, each with the recipe it was counted by.

create view stream_points as
select
    p.team_id, p.stream_id, p.time, p.value, r.id as reading_id, r.series_id, r.way, r.multiply, r.divide,
    r.gap_rule, r.gap_us
from point as p
inner join reading as r on p.reading_id = r.id;
