-- What is read of a day (UTC) is what is read of its hours, per team and meter: also of today, while hours of it wait to
-- be rolled up. Looked at: the last three days of up to 100 teams, drawn by lot.

with grid as materialized (
    select t.id as team_id, g.day
    from (select id from team order by random() limit 100) as t
    cross join generate_series(
        date_bin('1 day', %(now)s - interval '3 days', '2000-01-01 00:00:00+00'), %(now)s, interval '1 day'
    ) as g (day)
),

-- `offset 0` keeps each look a look at one team and day: by itself the planner would read all of the views
told as (
    select
        g.team_id,
        g.day,
        d.series_id,
        d.events as day_events,
        d.total as day_total,
        null::bigint as hour_events,
        null::numeric as hour_total
    from grid as g
    cross join lateral (
        select r.series_id, r.events, r.total
        from daily as r
        where r.team_id = g.team_id and r.bucket = g.day
        offset 0
    ) as d
    union all
    select g.team_id, g.day, h.series_id, null, null, h.events, h.total
    from grid as g
    cross join lateral (
        select r.series_id, r.events, r.total
        from hourly as r
        where r.team_id = g.team_id and r.bucket >= g.day and r.bucket < g.day + interval '1 day'
        offset 0
    ) as h
)

select
    t.team_id,
    m.slug as meter,
    t.day,
    sum(t.day_events) as day_events,
    sum(t.hour_events) as hour_events,
    sum(t.day_total) as day_total,
    sum(t.hour_total) as hour_total
from told as t
left join series as s on t.series_id = s.id
left join meter as m on s.meter_id = m.id
group by t.team_id, t.day, m.slug
having (sum(t.day_events), sum(t.day_total)) is distinct from (sum(t.hour_events), sum(t.hour_total))
limit 20
