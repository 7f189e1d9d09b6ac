-- Every 15 minutes of every series, added up when rolled, still equal the raw events behind them. Looked at: quarters of
-- the last 45 days that nothing waits for and whose raw events are kept, the last two hours first and then drawn by lot,
-- up to 20,000 quarters and two million events a time; so four teams are looked at whole, many teams bit by bit.

with grid as (
    select t.id as team_id, g.bucket, random() - (g.bucket > %(now)s - interval '2 hours')::integer as lot
    from (select id from team order by random() limit 100) as t
    cross join generate_series(
        date_bin('15 minutes', %(now)s - interval '45 days', '2000-01-01 00:00:00+00'), %(now)s, interval '15 minutes'
    ) as g (bucket)
    where g.bucket >= (select floor from raw_floor)
        and not exists (select from touched as w where w.team_id = t.id and w.bucket = g.bucket)
    order by lot
    limit 20000
),

rolled as materialized (
    select g.team_id, g.bucket, g.lot, r.series_id, r.events, r.total, r.smallest, r.largest, r.latest
    from grid as g
    left join rolled_quarter as r on g.team_id = r.team_id and g.bucket = r.bucket
),

chosen as (
    select s.team_id, s.bucket
    from (
        select
            q.team_id,
            q.bucket,
            sum(coalesce(sum(q.events), 0)) over (order by q.lot) - coalesce(sum(q.events), 0) as before
        from rolled as q
        group by q.team_id, q.bucket, q.lot
    ) as s
    where s.before < 2000000
),

counted as (
    select c.team_id, c.bucket, e.series_id, e.events, e.total, e.smallest, e.largest, e.latest
    from chosen as c
    cross join lateral (
        select
            u.series_id,
            count(*) as events,
            sum(u.quantity) as total,
            min(u.quantity) as smallest,
            max(u.quantity) as largest,
            max(array[extract(epoch from u.time at time zone 'UTC'), u.quantity]) as latest
        from usage_event as u
        where u.team_id = c.team_id and u.time >= c.bucket and u.time < c.bucket + interval '15 minutes'
        group by u.series_id
    ) as e
),

expected as (
    select r.team_id, r.bucket, r.series_id, r.events, r.total, r.smallest, r.largest, r.latest
    from rolled as r
    inner join chosen as c on r.team_id = c.team_id and r.bucket = c.bucket
    where r.series_id is not null
)

select
    coalesce(x.team_id, y.team_id) as team_id,
    coalesce(x.series_id, y.series_id) as series_id,
    coalesce(x.bucket, y.bucket) as bucket,
    x.events as rolled_events,
    y.events as raw_events,
    x.total as rolled_total,
    y.total as raw_total
from expected as x
full join counted as y on x.team_id = y.team_id and x.bucket = y.bucket and x.series_id = y.series_id
where (x.events, x.total, x.smallest, x.largest, x.latest)
    is distinct from (y.events, y.total, y.smallest, y.largest, y.latest)
limit 20
