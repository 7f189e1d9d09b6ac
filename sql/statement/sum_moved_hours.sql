-- What a team has used of some meters in some hours: events and their sum, by meter and hour.

select s.meter, h.bucket, sum(h.events)::bigint as events, sum(h.total) as total
from (select distinct w.hour from unnest(%(hours)s::timestamptz []) as w (hour)) as w
cross join lateral (
    select v.bucket, v.series_id, v.events, v.total
    from hourly as v
    where v.team_id = %(team_id)s and v.bucket = w.hour
) as h
inner join usage_series as s on h.series_id = s.id
where s.team_id = %(team_id)s and s.meter = any(%(meters)s::text [])
group by s.meter, h.bucket
