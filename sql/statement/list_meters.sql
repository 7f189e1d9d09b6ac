-- list_meters
-- The meters a team may use: the catalogue, and its own; no name is in both. Archived ones are there to be read.

select
    id, slug, title, unit, aggregation, level_scale, divisor, per_month, billable, dimensions, unique_of, percentile,
    per, gap_rule, gap_seconds, billable_statuses, version, archived_at, team_id is not null as own,
    expected_every_seconds
from meter
where team_id is null or team_id = %(team_id)s
order by slug
