-- The ids of these recipes, by their place in the question.

select w.position, r.id
from unnest(
    %(streams)s::bigint [], %(series)s::bigint [], %(ways)s::text [], %(multiply)s::numeric [],
    %(divide)s::numeric [], %(gap_rules)s::text [], %(gaps_us)s::bigint []
) with ordinality as w (stream_id, series_id, way, multiply, divide, gap_rule, gap_us, position)
inner join reading as r
    on w.stream_id = r.stream_id and w.series_id = r.series_id and w.way = r.way and w.multiply = r.multiply
    and w.divide = r.divide and w.gap_rule = r.gap_rule and w.gap_us = r.gap_us
