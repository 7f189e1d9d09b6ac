-- Meters of a team whose streams brought something for a range since a snapshot: a late point takes rows away and writes
-- others, so how these were before can't be told from the events.

select distinct s.meter
from (
    select distinct u.series_id
    from usage_event as u
    where u.team_id = %(team_id)s and u.time >= %(since)s and u.time < %(until)s
        and not pg_visible_in_snapshot(u.received, %(snapshot)s::pg_snapshot)
) as c
inner join usage_series as s on c.series_id = s.id
where s.team_id = %(team_id)s
    and exists (select from series_streams as r where r.team_id = %(team_id)s and r.series_id = s.id)
order by s.meter
