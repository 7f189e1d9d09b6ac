-- What analytics found out about each team's subjects.

create view analytics_result as
select team_id, job, subject, as_of, made_at, run, coverage, body
from result
where body is not null;
