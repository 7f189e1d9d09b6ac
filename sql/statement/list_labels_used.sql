-- With which labels each team has used what is to be paid for, on any day from an instant's on: one team or all.

select distinct s.team_id, s.meter, s.dimensions
from (
    select distinct d.team_id, d.series_id
    from daily as d
    where d.bucket >= date_bin('1 day', %(since)s, '2000-01-01 00:00:00+00')
        and (%(team_id)s::bigint is null or d.team_id = %(team_id)s)
) as u
inner join usage_series as s on u.team_id = s.team_id and u.series_id = s.id
where s.billable
order by s.team_id, s.meter
