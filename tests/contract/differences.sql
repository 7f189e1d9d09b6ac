-- Where do the views differ from sums over the raw events, or say something twice? Every level, every team.

with grid (level, width) as (
    values ('quarter', interval '15 minutes'), ('hourly', interval '1 hour'), ('daily', interval '1 day')
),

counted as (
    select
        g.level,
        u.team_id,
        u.series_id,
        date_bin(g.width, u.time, '2000-01-01 00:00:00+00') as bucket,
        1 as times,
        count(*) as events,
        sum(u.quantity) as total,
        min(u.quantity) as smallest,
        max(u.quantity) as largest,
        max(array[extract(epoch from u.time at time zone 'UTC'), u.quantity]) as latest
    from usage_event as u
    cross join grid as g
    group by 1, 2, 3, 4
),

viewed as (
    select 'quarter' as level, team_id, series_id, bucket, events, total, smallest, largest, latest from quarter
    union all
    select 'hourly', team_id, series_id, bucket, events, total, smallest, largest, latest from hourly
    union all
    select 'daily', team_id, series_id, bucket, events, total, smallest, largest, latest from daily
),

shown as (
    select
        level,
        team_id,
        series_id,
        bucket,
        count(*) as times,
        sum(events) as events,
        sum(total) as total,
        min(smallest) as smallest,
        max(largest) as largest,
        max(latest) as latest
    from viewed
    group by 1, 2, 3, 4
)

select
    coalesce(c.level, s.level) as level,
    coalesce(c.team_id, s.team_id) as team_id,
    coalesce(c.series_id, s.series_id) as series_id,
    coalesce(c.bucket, s.bucket) as bucket,
    c.events as raw_events,
    s.events as shown_events,
    c.total as raw_total,
    s.total as shown_total,
    s.times
from counted as c
full join shown as s
    on c.level = s.level and c.team_id = s.team_id and c.series_id = s.series_id and c.bucket = s.bucket
where
    (c.times, c.events, c.total, c.smallest, c.largest, c.latest)
    is distinct from (s.times, s.events, s.total, s.smallest, s.largest, s.latest)
order by 1, 2, 3, 4
limit 20
