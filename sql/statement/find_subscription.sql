-- The subscription by which a team pays for what ends at an instant: the last that began before it. What ended before
-- there was any is paid by the newest: usage may be sent for a time before its team was made.

select id, plan, anchor_day, starts_at, ends_at
from subscription
where team_id = %(team_id)s
order by starts_at < %(until)s desc, starts_at desc
limit 1
