-- Every series of a team that is to be paid for, with what its base unit is divided by, and its meter's words.

select s.id, s.meter, s.member, s.service, s.aggregation, s.divisor, s.per_month, m.title, s.unit, s.dimensions
from usage_series as s
inner join meter as m on s.meter_id = m.id
where s.team_id = %(team_id)s and s.billable
order by s.id
