-- Every day (UTC) of every series equals the sum of its hours. Looked at: days of the last 45 days that nothing waits for,
-- up to 5,000 a time, drawn by lot from 100 teams.

with grid as (
    select t.id as team_id, g.bucket
    from (select id from team order by random() limit 100) as t
    cross join generate_series(
        date_bin('1 day', %(now)s - interval '45 days', '2000-01-01 00:00:00+00'), %(now)s, interval '1 day'
    ) as g (bucket)
    where not exists (
            select from touched as w
            where w.team_id = t.id and w.bucket >= g.bucket and w.bucket < g.bucket + interval '1 day'
        )
    order by g.bucket > %(now)s - interval '2 days' desc, random()
    limit 5000
),

added as (
    select g.team_id, g.bucket, b.series_id, b.events, b.total, b.smallest, b.largest, b.latest
    from grid as g
    cross join lateral (
        select
            q.series_id,
            sum(q.events)::bigint as events,
            sum(q.total) as total,
            min(q.smallest) as smallest,
            max(q.largest) as largest,
            max(q.latest) as latest
        from rolled_hourly as q
        where q.team_id = g.team_id and q.bucket >= g.bucket and q.bucket < g.bucket + interval '1 day'
        group by q.series_id
    ) as b
),

rolled as (
    select g.team_id, g.bucket, r.series_id, r.events, r.total, r.smallest, r.largest, r.latest
    from grid as g
    inner join rolled_daily as r on g.team_id = r.team_id and g.bucket = r.bucket
)

select
    coalesce(x.team_id, y.team_id) as team_id,
    coalesce(x.series_id, y.series_id) as series_id,
    coalesce(x.bucket, y.bucket) as bucket,
    x.events as rolled_events,
    y.events as added_events,
    x.total as rolled_total,
    y.total as added_total
from rolled as x
full join added as y on x.team_id = y.team_id and x.bucket = y.bucket and x.series_id = y.series_id
where (x.events, x.total, x.smallest, x.largest, x.latest)
    is distinct from (y.events, y.total, y.smallest, y.largest, y.latest)
limit 20
