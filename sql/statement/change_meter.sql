-- change_meter
-- Makes a meter what it is from now on; what is stored is untouched.

update meter
set
    title = %(title)s,
    unit = %(unit)s,
    aggregation = %(aggregation)s,
    level_scale = case when %(aggregation)s = 'time_weighted' then level_scale else 1 end,
    divisor = %(divisor)s * case when %(aggregation)s = 'time_weighted' then level_scale else 1 end,
    per = %(per)s,
    per_month = %(per_month)s,
    unique_of = %(unique_of)s,
    percentile = %(percentile)s,
    gap_rule = %(gap_rule)s,
    gap_seconds = %(gap_seconds)s,
    billable = %(billable)s,
    billable_statuses = %(billable_statuses)s,
    dimensions = %(dimensions)s,
    expected_every_seconds = %(expected_every_seconds)s,
    archived_at = case when %(archived)s then coalesce(archived_at, %(now)s) end,
    version = version + 1
where id = %(id)s
