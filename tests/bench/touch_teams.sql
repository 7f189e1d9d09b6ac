-- Notes the quarters that those events lie in as touched, so that a refresh rolls them up.

insert into touched (team_id, bucket)
select t.id, %(start)s::timestamptz + n * interval '1 day'
from team as t
cross join generate_series(0, %(days)s - 1) as g (n)
