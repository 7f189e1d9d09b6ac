-- When each team's data last changed.

create view watermark as
select team_id, max(at) as as_of
from (
    select team_id, at from rolled_until
    union all
    select team_id, at from touched
) as seen
group by team_id;
