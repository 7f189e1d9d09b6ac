-- What a snapshot does not see of a team's usage that is paid for, by meter: how many events came since, and how many that
-- it saw were corrected since. A segment of a sample is an event where the sample ends.

with named as (
    select s.id, t.slug as meter, s.voided_of is not null as voided
    from series as s
    inner join meter as t on s.meter_id = t.id
    left join series as o on s.voided_of = o.id
    where s.team_id = %(team_id)s and t.billable and coalesce(o.billable, s.billable)
),

came as (
    select n.meter, count(*) as came, 0 as corrected
    from usage_event as u
    inner join named as n on u.series_id = n.id and not n.voided
    where u.team_id = %(team_id)s and u.time >= %(since)s and u.time < %(until)s
        and not pg_visible_in_snapshot(u.received, %(snapshot)s::pg_snapshot)
    group by n.meter
),

corrected as (
    select e.meter, 0 as came, count(*) as corrected
    from (
        select distinct n.meter, e.time, e.event_id
        from corrected_event as e
        inner join correction as c on e.correction_id = c.id
        inner join named as n on e.old_series_id = n.id or e.new_series_id = n.id
        where e.team_id = %(team_id)s and e.time >= %(since)s and e.time < %(until)s
            and c.team_id = %(team_id)s and not pg_visible_in_snapshot(c.received, %(snapshot)s::pg_snapshot)
    ) as e
    inner join usage_event as u
        on u.team_id = %(team_id)s and e.time = u.time and e.event_id = u.event_id
        and u.time >= %(since)s and u.time < %(until)s
        and pg_visible_in_snapshot(u.received, %(snapshot)s::pg_snapshot)
    group by e.meter
)

select x.meter, sum(x.came)::bigint as came, sum(x.corrected)::bigint as corrected
from (
    select meter, came, corrected from came
    union all
    select meter, came, corrected from corrected
) as x
group by x.meter
order by x.meter
