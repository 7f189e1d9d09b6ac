-- What is read of an hour, asked for by hours or by quarters, is what its raw events add up to, per team and meter: also
-- while it waits to be rolled up. Looked at: the last 26 hours of 100 teams, the last two first and then drawn by lot, up
-- to a million events a time.

with grid as (
    select t.id as team_id, g.hour, random() - (g.hour > %(now)s - interval '2 hours')::integer as lot
    from (select id from team order by random() limit 100) as t
    cross join generate_series(
        date_bin('1 hour', %(now)s - interval '26 hours', '2000-01-01 00:00:00+00'), %(now)s, interval '1 hour'
    ) as g (hour)
    where g.hour >= (select floor from raw_floor)
),

-- what waits in the log may be many events that were not rolled up yet: each row of it weighs as a batch of 200
weighed as (
    select g.team_id, g.hour, g.lot, r.events + 200 * w.batches as events
    from grid as g
    cross join lateral (
        select coalesce(sum(q.events), 0) as events
        from rolled_hourly as q
        where q.team_id = g.team_id and q.bucket = g.hour
    ) as r
    cross join lateral (
        select count(*) as batches
        from touched as x
        where x.team_id = g.team_id and x.bucket >= g.hour and x.bucket < g.hour + interval '1 hour'
    ) as w
),

chosen as materialized (
    select s.team_id, s.hour
    from (select team_id, hour, events, sum(events) over (order by lot) - events as before from weighed) as s
    where s.before < 1000000
),

-- `offset 0` keeps each look a look at one team and hour: by itself the planner would read all of the views
told as (
    select
        c.team_id,
        c.hour,
        e.series_id,
        e.events as raw_events,
        e.total as raw_total,
        null::bigint as hour_events,
        null::numeric as hour_total,
        null::bigint as quarter_events,
        null::numeric as quarter_total
    from chosen as c
    cross join lateral (
        select u.series_id, count(*) as events, sum(u.quantity) as total
        from usage_event as u
        where u.team_id = c.team_id and u.time >= c.hour and u.time < c.hour + interval '1 hour'
        group by u.series_id
    ) as e
    union all
    select c.team_id, c.hour, h.series_id, null, null, h.events, h.total, null, null
    from chosen as c
    cross join lateral (
        select r.series_id, r.events, r.total
        from hourly as r
        where r.team_id = c.team_id and r.bucket = c.hour
        offset 0
    ) as h
    union all
    select c.team_id, c.hour, q.series_id, null, null, null, null, q.events, q.total
    from chosen as c
    cross join lateral (
        select r.series_id, r.events, r.total
        from quarter as r
        where r.team_id = c.team_id and r.bucket >= c.hour and r.bucket < c.hour + interval '1 hour'
        offset 0
    ) as q
)

select
    t.team_id,
    m.slug as meter,
    t.hour,
    sum(t.raw_events) as raw_events,
    sum(t.hour_events) as hour_events,
    sum(t.quarter_events) as quarter_events,
    sum(t.raw_total) as raw_total,
    sum(t.hour_total) as hour_total,
    sum(t.quarter_total) as quarter_total
from told as t
left join series as s on t.series_id = s.id
left join meter as m on s.meter_id = m.id
group by t.team_id, t.hour, m.slug
having (sum(t.raw_events), sum(t.raw_total)) is distinct from (sum(t.hour_events), sum(t.hour_total))
    or (sum(t.raw_events), sum(t.raw_total)) is distinct from (sum(t.quarter_events), sum(t.quarter_total))
limit 20
