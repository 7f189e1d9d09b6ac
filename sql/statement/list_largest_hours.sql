-- The hours, or the services, in which most of a meter was used between two instants that is paid for, largest first: from
-- whole hours, as the buckets say now.

select
    case when %(by)s = 'hour' then h.bucket end as hour,
    case when %(by)s = 'service' then s.service end as service,
    sum(h.events)::bigint as events,
    sum(h.total) as total
from hourly as h
inner join usage_series as s on h.team_id = s.team_id and h.series_id = s.id
where h.team_id = %(team_id)s and h.bucket >= %(since)s and h.bucket < %(until)s
    and s.team_id = %(team_id)s and s.billable and s.meter = %(meter)s
group by 1, 2
order by 4 desc, 1, 2
limit %(rows)s
