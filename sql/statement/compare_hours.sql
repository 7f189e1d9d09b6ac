-- Where do buckets differ from the raw events between two instants, both on the hour? Quarters from the events, and hours
-- from their sum; before the floor, where raw events are gone, hours from quarters. Per size, team, meter and hour: of how
-- many series, what these have by their events (below) and by their buckets, and in how many places in all.

with line as (
    select greatest(floor, %(since)s::timestamptz) as kept, floor from raw_floor
),

raw as materialized (
    select t.id as team_id, e.series_id, e.quarter, e.events, e.total, e.smallest, e.largest
    from team as t
    cross join line as f
    cross join lateral (
        select
            u.series_id,
            date_bin('15 minutes', u.time, '2000-01-01 00:00:00+00') as quarter,
            count(*) as events,
            sum(u.quantity) as total,
            min(u.quantity) as smallest,
            max(u.quantity) as largest
        from usage_event as u
        where u.team_id = t.id and u.time >= f.kept and u.time < %(until)s::timestamptz
        group by 1, 2
    ) as e
),

-- `offset 0` keeps each look a look at one team: by itself the planner might read all of the views
fine as materialized (
    select t.id as team_id, q.series_id, q.quarter, q.events, q.total, q.smallest, q.largest
    from team as t
    cross join lateral (
        select r.series_id, r.bucket as quarter, r.events, r.total, r.smallest, r.largest
        from quarter as r
        where r.team_id = t.id and r.bucket >= %(since)s::timestamptz and r.bucket < %(until)s::timestamptz
        offset 0
    ) as q
),

coarse as (
    select t.id as team_id, h.series_id, h.hour, h.events, h.total, h.smallest, h.largest
    from team as t
    cross join lateral (
        select r.series_id, r.bucket as hour, r.events, r.total, r.smallest, r.largest
        from hourly as r
        where r.team_id = t.id and r.bucket >= %(since)s::timestamptz and r.bucket < %(until)s::timestamptz
        offset 0
    ) as h
),

below as (
    select
        b.team_id,
        b.series_id,
        date_bin('1 hour', b.quarter, '2000-01-01 00:00:00+00') as hour,
        sum(b.events) as events,
        sum(b.total) as total,
        min(b.smallest) as smallest,
        max(b.largest) as largest
    from (
        select * from raw
        union all
        select q.* from fine as q inner join line as f on q.quarter < f.floor
    ) as b
    group by 1, 2, 3
),

differing as (
    select
        'quarter' as size,
        coalesce(x.team_id, y.team_id) as team_id,
        coalesce(x.series_id, y.series_id) as series_id,
        date_bin('1 hour', coalesce(x.quarter, y.quarter), '2000-01-01 00:00:00+00') as hour,
        x.events as below_events,
        y.events as bucket_events,
        x.total as below_total,
        y.total as bucket_total
    from raw as x
    full join (select q.* from fine as q inner join line as f on q.quarter >= f.floor) as y
        on x.team_id = y.team_id and x.series_id = y.series_id and x.quarter = y.quarter
    where (x.events, x.total, x.smallest, x.largest) is distinct from (y.events, y.total, y.smallest, y.largest)
    union all
    select
        'hour',
        coalesce(x.team_id, y.team_id),
        coalesce(x.series_id, y.series_id),
        coalesce(x.hour, y.hour),
        x.events,
        y.events,
        x.total,
        y.total
    from below as x
    full join coarse as y on x.team_id = y.team_id and x.series_id = y.series_id and x.hour = y.hour
    where (x.events, x.total, x.smallest, x.largest) is distinct from (y.events, y.total, y.smallest, y.largest)
)

select
    d.size,
    d.team_id,
    m.slug as meter,
    d.hour,
    count(distinct d.series_id) as series,
    sum(d.below_events) as below_events,
    sum(d.bucket_events) as bucket_events,
    sum(d.below_total) as below_total,
    sum(d.bucket_total) as bucket_total,
    count(*) over () as places
from differing as d
left join series as s on d.series_id = s.id
left join meter as m on s.meter_id = m.id
group by d.size, d.team_id, m.slug, d.hour
order by d.hour, d.team_id, m.slug, d.size
limit 20
