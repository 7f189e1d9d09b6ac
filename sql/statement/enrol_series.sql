-- Makes those series expected whose meter says how often it expects to hear of each, whenever they last had data. What
-- else may be expected is found where it has data: enrol_used_series.

insert into expected_series (series_id, team_id)
select s.id, s.team_id
from meter as m
inner join series as s on m.id = s.meter_id
where m.expected_every_seconds is not null
    and s.voided_of is null
    and not exists (select from expected_series as e where e.series_id = s.id)
order by s.id
limit %(most)s
on conflict do nothing
returning series_id
