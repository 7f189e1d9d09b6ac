-- The later places of identities that lie in a range and that their team has at another time too, with the place that came
-- first; not those that were held before, whatever was decided. Identities from one to another only, so that a range with
-- many events is looked at in parts; a place around is met once, however often its identity is there, so an id that is on
-- every event costs no more than others. The caller rules out loops and sorts: only a hash join is linear.

with asked as materialized (
    select event_id, min(time) as lo, max(time) as hi
    from usage_event
    where team_id = %(team_id)s and time >= %(since)s and time < %(until)s
        and event_id >= %(from_id)s::uuid and event_id <= %(to_id)s::uuid
    group by event_id
),

other as materialized (
    select u.event_id, u.time, a.lo
    from usage_event as u
    inner join asked as a on u.event_id = a.event_id
    where u.team_id = %(team_id)s and u.time >= %(around_since)s and u.time < %(around_until)s
        and u.event_id >= %(from_id)s::uuid and u.event_id <= %(to_id)s::uuid
        and (u.time <> a.lo or a.lo <> a.hi)
),

place as (
    select event_id, time from other
    union
    select event_id, lo from other
),

-- What a person has voided is no longer there, and what a collector's late point has cut short lies beside what was
-- corrected of it, under its identity.
standing as (
    select
        p.event_id,
        p.time,
        h.id as held_id,
        s.voided_of is not null as voided,
        first_value(p.time) over (partition by p.event_id order by u.received, p.time) as first_time
    from place as p
    cross join lateral (
        select e.series_id, e.received
        from usage_event as e
        where e.team_id = %(team_id)s and e.time = p.time and e.event_id = p.event_id
        limit 1
    ) as u
    inner join series as s on u.series_id = s.id
    left join held_event as h on h.team_id = %(team_id)s and p.time = h.time and p.event_id = h.event_id
    where (s.voided_of is null or h.id is not null)
        and not (
            exists (
                select
                from corrected_event as c
                where c.team_id = %(team_id)s and c.time = p.time and c.event_id = p.event_id
            )
            and exists (select from reading as r where r.series_id = s.id)
        )
)

select time, event_id, first_time
from standing
where time <> first_time and held_id is null and not voided
order by time, event_id
limit %(rows)s
