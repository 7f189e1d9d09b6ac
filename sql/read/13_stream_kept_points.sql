-- Of streams with dropped points the last value, and the first end after it, each with the recipe it was counted by.

create view stream_kept_points as
select
    p.team_id, p.stream_id, p.time, p.value, r.id as reading_id, r.series_id, r.way, r.multiply, r.divide,
    r.gap_rule, r.gap_us
from kept_point as p
inner join reading as r on p.reading_id = r.id;
