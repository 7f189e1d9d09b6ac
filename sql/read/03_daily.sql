-- Usage per series and day (UTC), complete at every moment: the roll-up where nothing inside is touched, the level below
-- added up where something is.

create view daily as
select r.team_id, r.series_id, r.bucket, r.events, r.total, r.smallest, r.largest, r.latest
from rolled_daily as r
where not exists (
        select from touched as t
        where t.team_id = r.team_id and date_bin('1 day', t.bucket, '2000-01-01 00:00:00+00') = r.bucket
    )
union all
select t.team_id, b.series_id, t.bucket, b.events, b.total, b.smallest, b.largest, b.latest
from (
    select distinct team_id, date_bin('1 day', bucket, '2000-01-01 00:00:00+00') as bucket from touched
) as t
cross join lateral (
    select
        q.series_id,
        sum(q.events)::bigint as events,
        sum(q.total) as total,
        min(q.smallest) as smallest,
        max(q.largest) as largest,
        max(q.latest) as latest
    from hourly as q
    where q.team_id = t.team_id and q.bucket >= t.bucket and q.bucket < t.bucket + interval '1 day'
    group by q.series_id
) as b;
