-- How many series of a group have data in the same quarters of a day? One row per group, day and set of quarters.

select g.grp, c.day, c.seen::text, count(*) as series
from series_coverage as c
inner join unnest(%(series)s::bigint [], %(groups)s::integer []) as g (series_id, grp) on c.series_id = g.series_id
where (%(many)s or c.series_id = any(%(series)s::bigint []))
    and c.team_id = %(team_id)s
    and c.day = any(%(days)s::date [])
group by g.grp, c.day, c.seen
