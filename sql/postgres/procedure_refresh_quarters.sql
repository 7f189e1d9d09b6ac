-- The quarters in `refreshing`, recomputed from raw events. Unchanged rows are left alone, vanished ones deleted.

create or replace procedure refresh_quarters()
language plpgsql
as $$
begin
    with fresh as materialized (
        select r.team_id, e.series_id, r.bucket, e.events, e.total, e.smallest, e.largest, e.latest
        from refreshing as r
        cross join lateral (
            select
                u.series_id,
                count(*) as events,
                sum(u.quantity) as total,
                min(u.quantity) as smallest,
                max(u.quantity) as largest,
                max(array[extract(epoch from u.time at time zone 'UTC'), u.quantity]) as latest
            from usage_event as u
            where u.team_id = r.team_id and u.time >= r.bucket and u.time < r.bucket + interval '15 minutes'
            group by u.series_id
        ) as e
    ),

    gone as (
        delete from rolled_quarter as q using refreshing as r
        where q.team_id = r.team_id and q.bucket = r.bucket
            and not exists (
                select from fresh as f
                where f.team_id = q.team_id and f.bucket = q.bucket and f.series_id = q.series_id
            )
    )

    insert into rolled_quarter as q (team_id, series_id, bucket, events, total, smallest, largest, latest)
    select team_id, series_id, bucket, events, total, smallest, largest, latest from fresh
    on conflict (team_id, series_id, bucket) do update
    set events = excluded.events, total = excluded.total, smallest = excluded.smallest,
        largest = excluded.largest, latest = excluded.latest
    where (q.events, q.total, q.smallest, q.largest, q.latest)
        is distinct from (excluded.events, excluded.total, excluded.smallest, excluded.largest, excluded.latest);
end
$$;
