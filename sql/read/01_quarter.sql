-- Usage per series and 15 minutes, complete at every moment: the roll-up where no bucket is touched, raw events where
-- one is. The lateral join keeps the raw side a range scan per touched bucket, whatever the planner believes of the log.

create view quarter as
select r.team_id, r.series_id, r.bucket, r.events, r.total, r.smallest, r.largest, r.latest
from rolled_quarter as r
where not exists (select from touched as t where t.team_id = r.team_id and t.bucket = r.bucket)
union all
select t.team_id, e.series_id, t.bucket, e.events, e.total, e.smallest, e.largest, e.latest
from (select distinct team_id, bucket from touched) as t
cross join lateral (
    select
        u.series_id,
        count(*) as events,
        sum(u.quantity) as total,
        min(u.quantity) as smallest,
        max(u.quantity) as largest,
        max(array[extract(epoch from u.time at time zone 'UTC'), u.quantity]) as latest
    from usage_event as u
    where u.team_id = t.team_id and u.time >= t.bucket and u.time < t.bucket + interval '15 minutes'
    group by u.series_id
) as e;
