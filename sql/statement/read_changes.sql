-- What a snapshot does not see of a team's usage in a range, by meter and hour: events that came since with what they say
-- now, and events that it saw and that were corrected since, with what counted of them then and counts now. A voided event
-- counts nothing.

with named as (
    select s.id, t.slug as meter, s.voided_of is not null as voided
    from series as s
    inner join meter as t on s.meter_id = t.id
    where s.team_id = %(team_id)s and (%(meters)s::text [] is null or t.slug = any(%(meters)s::text []))
),

came as (
    select n.meter, u.time, 1 as came, u.quantity as now, 0 as corrected, 0 as before, 0 as after
    from usage_event as u
    inner join named as n on u.series_id = n.id and not n.voided
    where u.team_id = %(team_id)s and u.time >= %(since)s and u.time < %(until)s
        and not pg_visible_in_snapshot(u.received, %(snapshot)s::pg_snapshot)
),

corrected as (
    select distinct on (e.time, e.event_id) e.time, e.event_id, e.old_series_id, e.old_quantity
    from corrected_event as e
    inner join correction as c on e.correction_id = c.id
    where e.team_id = %(team_id)s and e.time >= %(since)s and e.time < %(until)s
        and c.team_id = %(team_id)s and not pg_visible_in_snapshot(c.received, %(snapshot)s::pg_snapshot)
    order by e.time, e.event_id, e.correction_id
),

moved as (
    select
        o.meter,
        e.time,
        0 as came,
        0 as now,
        1 as corrected,
        case when o.voided then 0 else e.old_quantity end as before,
        case when n.voided then 0 else u.quantity end as after
    from corrected as e
    inner join named as o on e.old_series_id = o.id
    inner join usage_event as u
        on u.team_id = %(team_id)s and e.time = u.time and e.event_id = u.event_id
        and u.time >= %(since)s and u.time < %(until)s
        and pg_visible_in_snapshot(u.received, %(snapshot)s::pg_snapshot)
    inner join named as n on u.series_id = n.id
)

select
    x.meter,
    date_bin('1 hour', x.time, '2000-01-01 00:00:00+00') as hour,
    sum(x.came) as came,
    sum(x.now) as now,
    sum(x.corrected) as corrected,
    sum(x.before) as before,
    sum(x.after) as after
from (
    select meter, time, came, now, corrected, before, after from came
    union all
    select meter, time, came, now, corrected, before, after from moved
) as x
where %(after_hour)s::timestamptz is null
    or (date_bin('1 hour', x.time, '2000-01-01 00:00:00+00'), x.meter) > (%(after_hour)s, %(after_meter)s)
group by 1, 2
order by 2, x.meter
limit %(rows)s
