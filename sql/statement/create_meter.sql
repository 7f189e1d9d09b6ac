-- create_meter
-- Makes a meter of a team, or of the catalogue; nothing where the name is taken by either.

insert into meter (
    team_id, slug, title, unit, aggregation, divisor, per, per_month, unique_of, percentile, gap_rule, gap_seconds,
    billable, billable_statuses, dimensions, expected_every_seconds, created_at
)
values (
    %(team_id)s, %(slug)s, %(title)s, %(unit)s, %(aggregation)s, %(divisor)s, %(per)s, %(per_month)s, %(unique_of)s,
    %(percentile)s, %(gap_rule)s, %(gap_seconds)s, %(billable)s, %(billable_statuses)s, %(dimensions)s,
    %(expected_every_seconds)s, %(now)s
)
on conflict do nothing
returning id
