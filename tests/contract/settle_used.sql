-- Writes an event of a series that is there, the quarter it touches, and what was settled with it: as a settled call does.

with written as (
    insert into usage_event (team_id, time, event_id, series_id, quantity)
    select s.team_id, %(time)s, gen_random_uuid(), s.id, %(quantity)s
    from series as s
    inner join meter as m on s.meter_id = m.id
    left join member as o on s.member_id = o.id
    where s.team_id = %(team_id)s and m.slug = %(meter)s and o.user_id is not distinct from %(member)s::text
    limit 1
),

noted as (
    insert into touched (team_id, bucket)
    values (%(team_id)s, date_bin('15 minutes', %(time)s::timestamptz, '2000-01-01 00:00:00+00'))
)

update counter set settled = settled + %(settled)s where id = any(%(ids)s)
