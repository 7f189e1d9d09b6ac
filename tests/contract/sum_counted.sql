-- What counts of a team by hour: meter, member and service, events and their sum in base units.

select s.meter, s.member, s.service, h.bucket, sum(h.events)::bigint as events, sum(h.total) as total
from hourly as h
inner join usage_series as s on h.series_id = s.id
where h.team_id = %(team_id)s and s.team_id = %(team_id)s
group by s.meter, s.member, s.service, h.bucket
order by s.meter, s.member, s.service, h.bucket
