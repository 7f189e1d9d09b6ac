-- Series whose rhythm is to be looked for, as no meter says it: never looked at, of the last hour and not found yet, or not
-- looked at for long; and with data since.

select e.team_id, e.series_id, e.last_quarter
from expected_series as e
inner join series as s on e.series_id = s.id
inner join meter as m on s.meter_id = m.id
where m.expected_every_seconds is null
    and (
        e.looked_at is null
        or (
            e.last_quarter >= e.looked_at - interval '15 minutes'
            and (
                e.looked_at < %(again)s
                or (e.learned_seconds is null and e.looked_at < %(soon)s and s.created_at >= %(young)s)
            )
        )
    )
order by e.looked_at nulls first, e.series_id
limit %(most)s
