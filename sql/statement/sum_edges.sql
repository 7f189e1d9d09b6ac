-- Usage per group and slot from the raw events of spans that a bound cuts out of a quarter of an hour: a segment that
-- reaches over an edge counts by its part. Each span lies within one quarter and one slot.

select
    g.grp,
    width_bucket(s.lo, %(bounds)s::timestamptz []) as slot,
    e.events,
    e.total
from unnest(%(span_from)s::timestamptz [], %(span_to)s::timestamptz []) as s (lo, hi)
cross join lateral (
    select
        u.series_id,
        count(*) filter (where u.time < s.hi) as events,
        sum(
            case
                when u.covers_us is null then u.quantity
                else portion(u.quantity, c.lo, u.time + interval '1 microsecond', s.lo, s.hi)
            end
        ) as total
    from usage_event as u
    cross join lateral (
        select
            case -- null for an event without a duration; greatest() passes over nulls
                when u.covers_us is not null then greatest(
                    u.time + interval '1 microsecond' - u.covers_us * interval '1 microsecond',
                    date_bin('15 minutes', u.time, '2000-01-01 00:00:00+00')
                )
            end as lo
    ) as c
    where u.team_id = %(team_id)s and u.series_id = any(%(series)s) and u.time >= s.lo
        and u.time < date_bin('15 minutes', s.lo, '2000-01-01 00:00:00+00') + interval '15 minutes'
        and (u.time < s.hi or c.lo < s.hi)
    group by u.series_id
) as e
inner join unnest(%(series)s::bigint [], %(groups)s::integer []) as g (series_id, grp) on e.series_id = g.series_id
