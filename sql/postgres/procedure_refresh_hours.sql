-- The hours that hold the quarters in `refreshing`, added up again from their quarters.

create or replace procedure refresh_hours()
language plpgsql
as $$
begin
    with refreshed as materialized (
        select distinct team_id, date_bin('1 hour', bucket, '2000-01-01 00:00:00+00') as bucket from refreshing
    ),

    fresh as materialized (
        select r.team_id, e.series_id, r.bucket, e.events, e.total, e.smallest, e.largest, e.latest
        from refreshed as r
        cross join lateral (
            select
                b.series_id,
                sum(b.events)::bigint as events,
                sum(b.total) as total,
                min(b.smallest) as smallest,
                max(b.largest) as largest,
                max(b.latest) as latest
            from rolled_quarter as b
            where b.team_id = r.team_id and b.bucket >= r.bucket and b.bucket < r.bucket + interval '1 hour'
            group by b.series_id
        ) as e
    ),

    gone as (
        delete from rolled_hourly as q using refreshed as r
        where q.team_id = r.team_id and q.bucket = r.bucket
            and not exists (
                select from fresh as f
                where f.team_id = q.team_id and f.bucket = q.bucket and f.series_id = q.series_id
            )
    )

    insert into rolled_hourly as q (team_id, series_id, bucket, events, total, smallest, largest, latest)
    select team_id, series_id, bucket, events, total, smallest, largest, latest from fresh
    on conflict (team_id, series_id, bucket) do update
    set events = excluded.events, total = excluded.total, smallest = excluded.smallest,
        largest = excluded.largest, latest = excluded.latest
    where (q.events, q.total, q.smallest, q.largest, q.latest)
        is distinct from (excluded.events, excluded.total, excluded.smallest, excluded.largest, excluded.latest);
end
$$;
