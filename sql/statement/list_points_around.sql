-- The points of some streams from the last value before an instant to the first value after another one, or else the
-- first mark of an end there. Where the value before is dropped, what is kept of it stands in, and marks after it count.

select
    w.stream_id, p.time, p.value, p.reading_id, p.series_id, p.way, p.multiply, p.divide, p.gap_rule, p.gap_us
from unnest(
    %(streams)s::bigint [], %(earliest)s::timestamptz [], %(latest)s::timestamptz []
) as w (stream_id, earliest, latest)
left join lateral (
    select b.time
    from stream_points as b
    where b.team_id = %(team_id)s and b.stream_id = w.stream_id and b.time < w.earliest and b.value is not null
    order by b.time desc
    limit 1
) as before on true
cross join lateral (
    select coalesce(
        (
            select a.time
            from stream_points as a
            where a.team_id = %(team_id)s and a.stream_id = w.stream_id and a.time > w.latest and a.value is not null
            order by a.time
            limit 1
        ),
        (
            select a.time
            from stream_points as a
            where a.team_id = %(team_id)s and a.stream_id = w.stream_id and a.time > w.latest
            order by a.time
            limit 1
        )
    ) as time
) as after
cross join lateral (
    (
        select q.time, q.value, q.reading_id, q.series_id, q.way, q.multiply, q.divide, q.gap_rule, q.gap_us
        from stream_points as q
        where q.team_id = %(team_id)s and q.stream_id = w.stream_id
            and q.time >= coalesce(before.time, '-infinity') and q.time <= coalesce(after.time, w.latest)
        offset 0 -- one look per stream
    )
    union all
    select k.time, k.value, k.reading_id, k.series_id, k.way, k.multiply, k.divide, k.gap_rule, k.gap_us
    from stream_kept_points as k
    where before.time is null and k.team_id = %(team_id)s and k.stream_id = w.stream_id and k.time < w.earliest
) as p
order by w.stream_id, p.time
