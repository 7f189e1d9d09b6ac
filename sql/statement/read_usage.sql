-- Usage per group and slot between instants: days inside, hours and quarters where a bound cuts a day or an hour, raw
-- events where one cuts a quarter; one statement, so one snapshot. `slot` is the position among the bounds, from 1.
-- Spans per level come from meter/spans.py; raw spans never leave their quarter.

with grouped as (
    select series_id, grp from unnest(%(series)s::bigint [], %(groups)s::integer []) as g (series_id, grp)
),

pieces (grp, slot, events, total, smallest, largest, latest) as (
    select g.grp, b.slot, b.events, b.total, b.smallest, b.largest, b.latest
    from unnest(%(daily_from)s::timestamptz [], %(daily_to)s::timestamptz []) as s (lo, hi)
    cross join lateral (
        select
            v.series_id,
            width_bucket(v.bucket, %(bounds)s::timestamptz []) as slot,
            sum(v.events)::bigint as events,
            sum(v.total) as total,
            min(v.smallest) as smallest,
            max(v.largest) as largest,
            max(v.latest) as latest
        from daily as v
        where v.team_id = %(team_id)s and v.series_id = any(%(series)s) and v.bucket >= s.lo and v.bucket < s.hi
        group by 1, 2
    ) as b
    inner join grouped as g on b.series_id = g.series_id
    union all
    select g.grp, b.slot, b.events, b.total, b.smallest, b.largest, b.latest
    from unnest(%(hourly_from)s::timestamptz [], %(hourly_to)s::timestamptz []) as s (lo, hi)
    cross join lateral (
        select
            v.series_id,
            width_bucket(v.bucket, %(bounds)s::timestamptz []) as slot,
            sum(v.events)::bigint as events,
            sum(v.total) as total,
            min(v.smallest) as smallest,
            max(v.largest) as largest,
            max(v.latest) as latest
        from hourly as v
        where v.team_id = %(team_id)s and v.series_id = any(%(series)s) and v.bucket >= s.lo and v.bucket < s.hi
        group by 1, 2
    ) as b
    inner join grouped as g on b.series_id = g.series_id
    union all
    select g.grp, b.slot, b.events, b.total, b.smallest, b.largest, b.latest
    from unnest(%(quarter_from)s::timestamptz [], %(quarter_to)s::timestamptz []) as s (lo, hi)
    cross join lateral (
        select
            v.series_id,
            width_bucket(v.bucket, %(bounds)s::timestamptz []) as slot,
            sum(v.events)::bigint as events,
            sum(v.total) as total,
            min(v.smallest) as smallest,
            max(v.largest) as largest,
            max(v.latest) as latest
        from quarter as v
        where v.team_id = %(team_id)s and v.series_id = any(%(series)s) and v.bucket >= s.lo and v.bucket < s.hi
        group by 1, 2
    ) as b
    inner join grouped as g on b.series_id = g.series_id
    union all
    select g.grp, width_bucket(s.lo, %(bounds)s::timestamptz []), e.events, e.total, e.smallest, e.largest, e.latest
    from unnest(%(raw_from)s::timestamptz [], %(raw_to)s::timestamptz []) as s (lo, hi)
    cross join lateral (
        select
            u.series_id,
            count(*) filter (where u.time < s.hi) as events,
            sum(
                case
                    when u.covers_us is null then u.quantity
                    else portion(u.quantity, c.lo, u.time + interval '1 microsecond', s.lo, s.hi)
                end
            ) as total,
            min(u.quantity) as smallest,
            max(u.quantity) as largest,
            max(array[extract(epoch from u.time at time zone 'UTC'), u.quantity]) as latest
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
    inner join grouped as g on e.series_id = g.series_id
)

select
    grp,
    slot,
    sum(events)::bigint as events,
    sum(total) as total,
    min(smallest) as smallest,
    max(largest) as largest,
    max(latest) as latest
from pieces
group by grp, slot
order by slot, grp
