-- When is the oldest raw event that is kept?

select min(e.time)
from team as t
cross join lateral (
    select u.time
    from usage_event as u
    where u.team_id = t.id and u.time >= (select floor from raw_floor)
    order by u.time
    limit 1
) as e
