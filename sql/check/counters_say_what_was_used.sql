-- Counters of budgets in units say what was used in their windows, as the buckets have it, where nothing of their team waits
-- to be followed: fifty by lot, of windows of a month at most. `meter limits` compares all counters, of money too.

select c.team_id as team, c.name as budget, c.starts_at, c.counted, u.used
from (
    select o.*, b.name, b.meters, b.member_id as of_member, b.service_id as of_service, b.key_id as of_key, b.each,
        o.settled + o.ingested as counted
    from counter as o
    inner join budget as b on o.budget_id = b.id
    where b.measure = 'units' and b.seconds is null and b.ended_at is null and o.followed_at is not null
        and o.ends_at > %(now)s::timestamptz - interval '7 days' and o.ends_at - o.starts_at <= interval '32 days'
        and date_bin('15 minutes', o.starts_at, '2000-01-01 00:00:00+00') = o.starts_at
        and date_bin('15 minutes', o.ends_at, '2000-01-01 00:00:00+00') = o.ends_at
        and not exists (select from touched as t where t.team_id = o.team_id)
        and not exists (select from follow_up as f where f.job = 'limits' and f.team_id = o.team_id)
    order by random()
    limit 50
) as c
cross join lateral (
    select coalesce(sum(case when v.aggregation = 'count' then q.events else q.total end), 0) as used
    from quarter as q
    inner join series as s on q.series_id = s.id
    inner join usage_series as v on s.id = v.id
    where q.team_id = c.team_id and q.bucket >= c.starts_at and q.bucket < c.ends_at and s.billable
        and v.meter = any(c.meters) and (c.meter = '' or v.meter = c.meter)
        and (c.of_member is null or s.member_id = c.of_member)
        and (c.of_service is null or s.service_id = c.of_service)
        and (c.of_key is null or s.key_id = c.of_key)
        and ('member' <> all(c.each) or coalesce(s.member_id, 0) = c.member_id)
        and ('service' <> all(c.each) or coalesce(s.service_id, 0) = c.service_id)
        and ('key' <> all(c.each) or coalesce(s.key_id, 0) = c.key_id)
) as u
where c.counted <> u.used
order by c.id
