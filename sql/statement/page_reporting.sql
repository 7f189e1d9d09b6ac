-- A page of the series of a team, by their public ids, with what is known of how they report.

select
    s.id, s.public_id, s.created_at, s.meter, s.unit, s.member, s.service, s.key::text, s.dimensions,
    e.every_seconds, e.declared, e.last_quarter, f.since as first_quarter, e.until, e.ended
from usage_series as s
left join lateral (
    select x.every_seconds, x.declared, x.last_quarter, x.until, x.ended
    from series_expected as x
    where x.series_id = s.id
    order by x.since desc nulls last
    limit 1
) as e on true
left join lateral (
    select min(x.since) as since from series_expected as x where x.series_id = s.id
) as f on true
where s.team_id = %(team_id)s
    and (%(meters)s::text [] is null or s.meter = any(%(meters)s::text []))
    and (%(filters)s = '[]'::jsonb or passes(s.member, s.service, s.key::text, s.dimensions, %(filters)s))
    and (%(after)s::uuid is null or s.public_id > %(after)s)
    and (%(since)s::timestamptz is null or s.created_at >= %(since)s)
    and (not %(expected)s or e.every_seconds is not null)
order by s.public_id
limit %(rows)s
