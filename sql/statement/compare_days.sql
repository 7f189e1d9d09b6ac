-- Where do days (UTC) differ from the sum of their hours, from one midnight to another? As compare_hours answers.
-- `offset 0` keeps each look a look at one team: by itself the planner might read all of the views.

with own as (
    select t.id as team_id, d.series_id, d.day, d.events, d.total, d.smallest, d.largest
    from team as t
    cross join lateral (
        select r.series_id, r.bucket as day, r.events, r.total, r.smallest, r.largest
        from daily as r
        where r.team_id = t.id and r.bucket >= %(since)s::timestamptz and r.bucket < %(until)s::timestamptz
        offset 0
    ) as d
),

below as (
    select
        t.id as team_id,
        h.series_id,
        date_bin('1 day', h.bucket, '2000-01-01 00:00:00+00') as day,
        sum(h.events) as events,
        sum(h.total) as total,
        min(h.smallest) as smallest,
        max(h.largest) as largest
    from team as t
    cross join lateral (
        select r.series_id, r.bucket, r.events, r.total, r.smallest, r.largest
        from hourly as r
        where r.team_id = t.id and r.bucket >= %(since)s::timestamptz and r.bucket < %(until)s::timestamptz
        offset 0
    ) as h
    group by 1, 2, 3
)

select
    'day' as size,
    coalesce(x.team_id, y.team_id) as team_id,
    m.slug as meter,
    coalesce(x.day, y.day) as hour,
    count(*) as series,
    sum(x.events) as below_events,
    sum(y.events) as bucket_events,
    sum(x.total) as below_total,
    sum(y.total) as bucket_total,
    count(*) over () as places
from below as x
full join own as y on x.team_id = y.team_id and x.series_id = y.series_id and x.day = y.day
left join series as s on coalesce(x.series_id, y.series_id) = s.id
left join meter as m on s.meter_id = m.id
where (x.events, x.total, x.smallest, x.largest) is distinct from (y.events, y.total, y.smallest, y.largest)
group by 2, 3, 4
order by 4, 2, 3
limit 20
