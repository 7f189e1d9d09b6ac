-- Ends the time of series whose sender said so: the newest of their streams has ended, after all data that there is. What
-- came of it until then counts in full quarters.

update expected_span as p
set until = greatest(w.last_quarter + interval '15 minutes', w.ended_at), ended = true
from (
    select
        e.series_id,
        e.last_quarter,
        date_bin('15 minutes', h.ended_at, '2000-01-01 00:00:00+00') as ended_at
    from expected_series as e
    inner join expected_span as o on e.series_id = o.series_id and o.until is null
    cross join lateral (
        select s.ended_at
        from reading as r
        inner join stream_head as s on r.stream_id = s.stream_id
        where r.series_id = e.series_id and s.newest_at is not null
        order by s.newest_at desc
        limit 1
    ) as h
    where e.last_quarter < %(before)s and h.ended_at >= e.last_quarter
) as w
where p.series_id = w.series_id and p.until is null
