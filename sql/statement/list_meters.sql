-- The meters a team may use: the catalogue, and its own, which win.

select distinct on (slug) id, slug, title, unit, aggregation, level_scale, divisor, per_month, billable, dimensions
from meter
where team_id is null or team_id = %(team_id)s
order by slug, team_id nulls last
