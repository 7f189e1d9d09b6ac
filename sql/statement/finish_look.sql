-- Takes quarters of a team that were looked at out of the log, and notes their days for a look at many days around: one
-- that goes on once it is over, one that is over soon.

with gone as (
    delete from follow_up where id = any(%(ids)s::bigint []) returning bucket
)

insert into wide_look (team_id, day, due)
select %(team_id)s, d.day, greatest(d.day + interval '1 day', %(now)s::timestamptz) + interval '1 hour'
from (select distinct date_bin('1 day', bucket, '2000-01-01 00:00:00+00') as day from gone) as d
order by d.day
on conflict (team_id, day) do update set changes = wide_look.changes + 1
