-- Keeps the recipes that are missing.

insert into reading (stream_id, series_id, way, multiply, divide, gap_rule, gap_us)
select w.stream_id, w.series_id, w.way, w.multiply, w.divide, w.gap_rule, w.gap_us
from unnest(
    %(streams)s::bigint [], %(series)s::bigint [], %(ways)s::text [], %(multiply)s::numeric [],
    %(divide)s::numeric [], %(gap_rules)s::text [], %(gaps_us)s::bigint []
) as w (stream_id, series_id, way, multiply, divide, gap_rule, gap_us)
order by w.stream_id, w.series_id, w.way, w.multiply, w.divide, w.gap_rule, w.gap_us
on conflict do nothing
