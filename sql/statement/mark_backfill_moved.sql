-- Of a page of a team's rows in a range: marks the events of a source that are stored there at another time. Where the page
-- ends; no row where it is the last.

with page as (
    select time, event_id, series_id
    from usage_event
    where team_id = %(team_id)s
        and time >= %(since)s
        and time < %(until)s
        and (time, event_id) > (%(since)s, %(after_id)s::uuid)
    order by time, event_id
    limit %(rows)s
),

marked as (
    update backfill_event as e
    set elsewhere = true
    from page as p
    inner join series as s on p.series_id = s.id and s.voided_of is null
    where e.backfill_id = %(backfill_id)s and e.event_id = p.event_id and e.time <> p.time and not e.elsewhere
)

select time, event_id
from page
order by time, event_id
limit 1 offset %(rows)s - 1
