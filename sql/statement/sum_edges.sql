-- Usage per group and slot from the raw events of spans that a bound cuts out of a quarter of an hour: a segment that
-- reaches over an edge counts by its part. Each span lies within one quarter and one slot.

select
    g.grp,
    width_bucket(s.lo, %(bounds)s::timestamptz []) as slot,
    e.events,
    e.total,
    e.smallest,
    e.largest,
    e.latest
from unnest(%(span_from)s::timestamptz [], %(span_to)s::timestamptz []) as s (lo, hi)
cross join lateral (
    select
        u.series_id,
        count(*) filter (where u.time < s.hi) as events,
        sum(
            case
                when u.segment_from is null then u.quantity
                else portion(u.quantity, u.segment_from, u.segment_to, s.lo, s.hi)
            end
        ) as total,
        case when %(extremes)s then min(u.quantity) filter (where u.time < s.hi) end as smallest,
        case when %(extremes)s then max(u.quantity) filter (where u.time < s.hi) end as largest,
        case when %(latest)s then
            max(array[extract(epoch from u.time at time zone 'UTC'), u.quantity]) filter (where u.time < s.hi)
        end as latest
    from usage_events as u
    where u.team_id = %(team_id)s and (%(many)s or u.series_id = any(%(series)s)) and u.time >= s.lo
        and u.time < date_bin('15 minutes', s.lo, '2000-01-01 00:00:00+00') + interval '15 minutes'
        and (u.time < s.hi or u.segment_from < s.hi)
    group by u.series_id
) as e
inner join unnest(%(series)s::bigint [], %(groups)s::integer []) as g (series_id, grp) on e.series_id = g.series_id
