-- In how many quarters of a day do series of a group have data, together: in all of it, and in those before one instant of
-- that day (`before` has them as ones)? One row per group and day; the days ascend.

select
    g.grp,
    c.day,
    sum(bit_count(c.seen))::bigint as seen,
    sum(bit_count(c.seen & d.before))::bigint as seen_before
from series_coverage as c
inner join unnest(%(series)s::bigint [], %(groups)s::integer []) as g (series_id, grp) on c.series_id = g.series_id
inner join unnest(%(days)s::date [], %(before)s::bit(96) []) as d (day, before) on c.day = d.day
where (%(many)s or c.series_id = any(%(series)s::bigint []))
    and c.team_id = %(team_id)s
    and c.day >= (%(days)s::date [])[1]
    and c.day <= (%(days)s::date [])[cardinality(%(days)s::date [])]
group by g.grp, c.day
